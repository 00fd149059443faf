"""A Service's port on this machine, by `kubectl port-forward`, restarted when it ends."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from typing import Self

import httpx

from tests.conftest import free_port

READY_WITHIN_S = 60.0
PAUSE_S = 0.5


class Forward:
    """A forwarded port of a Service; a context manager.

    Args:
        kubeconfig: File, or files as `KUBECONFIG` lists them.
        namespace: Namespace of the Service.
        service: Name of the Service.
        port: Port of the Service.
    """

    def __init__(self, kubeconfig: str, namespace: str, service: str, port: int) -> None:
        self._here = free_port()
        self._command = [
            *("kubectl", "--namespace", namespace, "port-forward", "--address", "127.0.0.1"),
            *(f"service/{service}", f"{self._here}:{port}"),
        ]
        # The option --kubeconfig takes one file, the variable takes several.
        self._environ = {**os.environ, "KUBECONFIG": kubeconfig}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this

    @property
    def url(self) -> str:
        """The URL on this machine."""
        return f"http://127.0.0.1:{self._here}"

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            if time.monotonic() > deadline:
                self._log.seek(0)
                output = self._log.read()[-2000:].decode(errors="replace")
                self.__exit__()
                raise AssertionError(f"no answer by {' '.join(self._command)}:\n{output}")
            time.sleep(PAUSE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        while self._thread.is_alive():
            if self._process is not None:
                self._process.terminate()
            self._thread.join(timeout=1)
        self._log.close()

    def _answers(self) -> bool:
        try:
            httpx.get(self.url, timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return True

    def _keep(self) -> None:
        """Restart `kubectl` on the same port: it ends with its pod and after errors."""
        while not self._stopping.is_set():
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )
            self._process.wait()
            self._stopping.wait(PAUSE_S)
