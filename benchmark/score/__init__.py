"""Stored predictions to metrics with confidence intervals."""
