"""Trained models on disk, and importers of published weights."""
