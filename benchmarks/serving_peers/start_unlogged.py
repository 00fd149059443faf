"""Starts the model server with a prediction log that writes nothing: MODEL FOLDER PORT."""

from __future__ import annotations

import sys
from pathlib import Path

from slipway.serving.server import serve


class Silence:
    """A prediction log that keeps nothing."""

    def append(self, record: object) -> None:
        """Nothing."""

    def roll(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def free_bytes(self) -> int:
        """None needed."""
        return 0


if __name__ == "__main__":
    model, folder, port = sys.argv[1:]
    serve(
        model,
        version=1,
        folder=Path(folder),
        log_folder=Path(folder) / "log",
        port=int(port),
        log=Silence(),
    )
