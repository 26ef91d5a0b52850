"""Batch norms that take the place of those of torch."""
