"""Weights & Biases as a sink of finished results."""
