"""The page of ``tagbench describe``."""
