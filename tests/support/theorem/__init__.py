"""The theorem that the champion goes on serving, as random scripts that any platform can run."""
