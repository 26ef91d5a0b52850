"""Speed measurements, run as ``python -m benchmark.speed COMMAND``."""
