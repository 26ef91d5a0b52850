"""Tag vocabularies, splits, label statistics."""
