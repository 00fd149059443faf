"""What serves models: this machine's platform process, batch tables, or a Kubernetes cluster."""
