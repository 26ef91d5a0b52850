"""Pretrained encoders whose weights are never trained, and models that build on their outputs."""
