"""Start the model server with a prediction log that writes nothing: MODEL FOLDER PORT."""

from __future__ import annotations

import sys
from pathlib import Path

from slipway.serving.model_server.server import serve
from slipway.serving.prediction_log.write_ahead_log import Record


class DiscardedLog:
    """A prediction log that writes nothing."""

    def append(self, record: Record) -> None:
        """Discard a record."""

    def roll(self) -> None:
        """Release nothing."""

    def close(self) -> None:
        """Release nothing."""

    def free_bytes(self) -> int:
        """Report plenty of free space."""
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
        log=DiscardedLog(),
    )
