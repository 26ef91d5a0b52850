"""Listings of models and datasets, and the generated README tables."""
