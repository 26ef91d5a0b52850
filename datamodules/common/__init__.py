"""Errors, file system, progress and seeding helpers."""
