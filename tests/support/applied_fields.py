"""Fields of applied manifests."""

from __future__ import annotations

SERVER = '.spec.template.spec.containers[name="server"]'
