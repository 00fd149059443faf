"""Lives of a model, and what has to hold of every line that `slipway why` prints about them."""
