"""Results on disk: cells, run records, predictions, provenance, merging."""
