"""Output layers that several architectures share."""
