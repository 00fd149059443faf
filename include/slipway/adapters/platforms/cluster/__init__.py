"""Kubernetes: a Deployment per version, and one entry point per model."""
