"""Where the public clients are that tests ask the server with."""

from __future__ import annotations

from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[2] / ".venv-clients" / "bin" / "python"

needs_clients = pytest.mark.skipif(
    not PYTHON.exists(), reason="the public clients are not installed: run `make clients`"
)
