"""Measured effects of a perturbation on audio."""
