"""Classifiers that scikit-learn fits and torch evaluates."""
