"""Figures of the report, with one file for each kind."""
