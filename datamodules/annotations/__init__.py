"""Readers of tag tables and published split files."""
