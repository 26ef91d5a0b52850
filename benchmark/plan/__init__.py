"""Expansion of a benchmark matrix into cells and jobs."""
