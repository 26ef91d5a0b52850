"""Decoding of audio files."""
