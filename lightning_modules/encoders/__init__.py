"""Pretrained encoders, one file each; the name of the file is that of ``--model``."""
