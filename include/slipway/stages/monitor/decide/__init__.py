"""Whether windows become a retrain request."""
