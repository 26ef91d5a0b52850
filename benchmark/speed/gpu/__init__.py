"""Measurements on one GPU within a time limit, run as ``python -m benchmark.speed gpu``."""
