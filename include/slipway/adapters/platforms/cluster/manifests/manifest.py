"""The type of a Kubernetes object as plain data, applied or read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]
