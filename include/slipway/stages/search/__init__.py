"""Search for a model's estimator and parameters on folds of its training rows."""
