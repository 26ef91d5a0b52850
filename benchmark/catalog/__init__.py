"""Listings of models and datasets, and the generated tables of the documentation."""
