"""Speed of computing views, against the same formulas in common libraries."""
