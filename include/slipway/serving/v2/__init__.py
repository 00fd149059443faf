"""Open Inference Protocol V2 over REST: decode and check requests, encode responses, OpenAPI."""
