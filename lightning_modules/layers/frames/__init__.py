"""Layers of models that classify the frames of a track."""
