"""HTTP of the model server and the platform: limits, TLS, tokens, draining."""
