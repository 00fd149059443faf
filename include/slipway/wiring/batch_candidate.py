"""A batch model's candidate: one version, loaded in this process, asked over its pipes.

Started by `adapters.platforms.batch` with the folder of a version as its only argument.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(folder: Path) -> list[str]:
    """Starts a process that answers for a version's folder."""
    return [sys.executable, "-m", "slipway.wiring.batch_candidate", str(folder)]


def main(folder: Path) -> None:
    """Answer for a version's folder until standard input ends."""
    from slipway.adapters.model_package import load_package
    from slipway.adapters.platforms.batch import answer_for

    # Whatever a library prints shall not stand between replies.
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)
        answer_for(folder, load=load_package, requests=sys.stdin.buffer, replies=replies)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
