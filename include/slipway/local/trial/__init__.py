"""`slipway try`: a model's ring up to its gates, in one process on a scratch store."""
