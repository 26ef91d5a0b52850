"""Prepared corpora: manifest, shards, preparation, audit and export."""
