"""The deployment target `kubernetes`: a Deployment per version, and one entry point per model."""
