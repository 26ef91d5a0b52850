"""What runs in the worker processes of the user interface."""
