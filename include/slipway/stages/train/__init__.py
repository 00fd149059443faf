"""Train: accept a retrain request, train a challenger, evaluate it, gate it, promote it."""
