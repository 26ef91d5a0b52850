"""Targets beyond tags, one kind a file."""
