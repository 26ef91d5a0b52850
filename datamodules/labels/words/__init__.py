"""Word vectors of tags, from files or from a sentence encoder."""
