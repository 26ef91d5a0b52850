"""Vectors of tracks from what people listen to."""
