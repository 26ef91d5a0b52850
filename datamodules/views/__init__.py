"""Views: what models see of a track, such as its samples or features computed from them."""
