"""Logging of finished results to Weights & Biases."""
