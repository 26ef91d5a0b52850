"""Audio files: search, repair, decoding, and checks of the result."""
