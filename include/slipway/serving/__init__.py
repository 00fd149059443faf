"""Serving over HTTP: the model server, its prediction log and shipper, the local platform."""
