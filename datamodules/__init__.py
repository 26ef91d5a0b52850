"""Datasets: download, decoding, labels and batches. Does not import the model packages."""
