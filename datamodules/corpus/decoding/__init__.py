"""Decoding of audio files into shards by worker processes."""
