"""Signal processing of the augmentations."""
