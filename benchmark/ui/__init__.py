"""The user interface of ``tagbench ui``: a server on this machine, and pages for a browser."""
