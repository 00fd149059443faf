"""The prediction log: written before the response, shipped to the store by a separate process."""
