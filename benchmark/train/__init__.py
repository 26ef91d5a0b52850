"""Training: from a training cell to its checkpoint."""
