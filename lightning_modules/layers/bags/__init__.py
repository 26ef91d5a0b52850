"""Layers of models of bags of tracks: encoders of instances, and their pooling."""
