"""Manifests of everything that serves a model; pure."""
