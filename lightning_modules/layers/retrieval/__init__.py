"""Layers of the retrieval models."""
