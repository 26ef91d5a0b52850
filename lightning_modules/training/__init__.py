"""Recipes, optimizers and per-track metrics."""
