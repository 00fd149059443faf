"""Monitor: collect windows of predictions, measure drift and performance, decide."""
