"""`slipway replay`: a dataset's past, played through the running ring."""
