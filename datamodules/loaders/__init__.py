"""Windows, training crops and batches."""
