"""The benchmark: planning, training, perturbation, evaluation, scoring and reporting."""

__version__ = "0.1.0"
