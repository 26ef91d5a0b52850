"""Verified downloads and safe extraction of archives."""
