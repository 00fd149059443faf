"""Location of the public clients that tests send requests with."""

from __future__ import annotations

from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[2] / ".venv-clients" / "bin" / "python"

needs_clients = pytest.mark.skipif(
    not PYTHON.exists(), reason="the public clients are not installed: run `make clients`"
)
