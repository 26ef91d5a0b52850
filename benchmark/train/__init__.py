"""Training cells to checkpoints."""
