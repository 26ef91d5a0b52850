"""YAML schemas, class and parameter checking, and content identity."""
