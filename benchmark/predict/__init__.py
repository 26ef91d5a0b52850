"""Audio to predictions, taggrams and attention maps."""
