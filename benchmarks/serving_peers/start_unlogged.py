"""Starts the model server with a prediction log that writes nothing: MODEL FOLDER PORT."""

from __future__ import annotations

import sys
from pathlib import Path

from slipway.serving import answering, server


class Silence:
    """A prediction log that keeps nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def append(self, record: object) -> None:
        """Nothing."""

    def roll(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


if __name__ == "__main__":
    answering.WriteAheadLog = Silence
    model, folder, port = sys.argv[1:]
    server.serve(
        model, version=1, folder=Path(folder), log_folder=Path(folder) / "log", port=int(port)
    )
