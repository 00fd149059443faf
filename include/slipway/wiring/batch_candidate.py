"""Run the process of a batch candidate: load one version, answer over pipes.

`adapters.platforms.batch.candidate` starts it with a version's folder as its only argument.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(folder: Path) -> list[str]:
    """Return the command line that starts a candidate with a version's folder."""
    return [sys.executable, "-m", "slipway.wiring.batch_candidate", str(folder)]


def main(folder: Path) -> None:
    """Answer requests with a version's folder until standard input ends."""
    from slipway.adapters.model_package import load_package
    from slipway.adapters.platforms.batch.candidate_process import answer_requests

    # Output of libraries must not mix with replies: standard output becomes standard error.
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)
        answer_requests(folder, load=load_package, requests=sys.stdin.buffer, replies=replies)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
