"""Embeddings of tracks as files: which tracks, which layers, and a table that can be resumed."""
