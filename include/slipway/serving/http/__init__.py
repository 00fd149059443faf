"""What the model server and the platform share of HTTP: listening, limits, tokens, draining."""
