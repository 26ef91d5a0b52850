"""Ways of training a model, one file each."""
