"""The CSV tables of a results folder."""
