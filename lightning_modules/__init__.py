"""Music tagging models. They take batches and do not depend on the dataset classes."""
