"""Signal processing of the views."""
