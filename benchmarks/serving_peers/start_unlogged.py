"""Starts the model server with a prediction log that writes nothing: MODEL FOLDER PORT."""

from __future__ import annotations

import sys
from pathlib import Path

from slipway.serving.model_server.server import serve
from slipway.serving.prediction_log.write_ahead_log import Record


class Silence:
    """A prediction log that keeps nothing."""

    def append(self, record: Record) -> None:
        """Nothing is written."""

    def roll(self) -> None:
        """Nothing is handed over."""

    def close(self) -> None:
        """Nothing is handed over."""

    def free_bytes(self) -> int:
        """As if there were room."""
        return 1 << 40


if __name__ == "__main__":
    model, folder, port = sys.argv[1:]
    # No segment is ever written to the log folder.
    serve(
        model,
        version=1,
        folder=Path(folder),
        log_folder=Path(folder).parent / "unlogged",
        port=int(port),
        log=Silence(),
    )
