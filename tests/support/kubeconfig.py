"""A kubeconfig for a server at some address."""

from __future__ import annotations

import json
from pathlib import Path


def kubeconfig(folder: Path, server: str) -> Path:
    """Write a kubeconfig for a server; its path."""
    path = folder / "config"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
    }
    path.write_text(json.dumps(config))
    return path
