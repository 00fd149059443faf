"""Names of Services in a file, from which pods and tests resolve them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.kubernetes_double.network.site import doublenames

SITE = Path(__file__).parent / "site"


class Hosts:
    """A JSON file of names (`svc.namespace`) to addresses, replaced as a whole at each change.

    Args:
        path: The file; without names at first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._names: dict[str, list[str]] = {}
        self._fixed: dict[str, list[str]] = {}
        self._write()

    def replace(self, names: Mapping[str, Sequence[str]]) -> None:
        """Replace all names of Services; fixed ones stay."""
        wanted = {name: list(addresses) for name, addresses in names.items()}
        with self._lock:
            if wanted != self._names:
                self._names = wanted
                self._write()

    def fix(self, name: str, address: str) -> None:
        """Add a fixed name, such as a gateway's."""
        with self._lock:
            self._fixed[name] = [address]
            self._write()

    def environ(self, namespace: str) -> dict[str, str]:
        """Environment in which a Python process resolves these names."""
        return {
            "PYTHONPATH": str(SITE),
            doublenames.HOSTS: str(self.path),
            doublenames.NAMESPACE: namespace,
            # Addresses of pods are of loopback, where servers refuse names of others.
            "SLIPWAY_ALLOWED_HOSTS": "*",
        }

    @contextmanager
    def in_this_process(self, namespace: str) -> Iterator[None]:
        """Let this process resolve these names inside the context."""
        added = {doublenames.HOSTS: str(self.path), doublenames.NAMESPACE: namespace}
        before = {name: os.environ.get(name) for name in added}
        os.environ.update(added)
        doublenames.install()
        try:
            yield
        finally:
            doublenames.remove()
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _write(self) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self._names | self._fixed, sort_keys=True))
        fresh.replace(self.path)
