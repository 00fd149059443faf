"""Run the process of a batch candidate: load one version, answer over pipes.

`adapters.platforms.batch.candidate` starts it with a version's folder as its only argument.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from slipway.settings import Settings
from slipway.wiring.personal_keys import personal_keys


def command(folder: Path) -> list[str]:
    """Return the command line that starts a candidate with a version's folder."""
    return [sys.executable, "-m", "slipway.wiring.batch_candidate", str(folder)]


def main(folder: Path) -> None:
    """Answer requests with a version's folder until standard input ends."""
    from slipway.adapters.model_package import load_package
    from slipway.adapters.platforms.batch.candidate_process import answer_requests

    load = partial(load_package, keys=personal_keys(Settings()))
    # Output of libraries must not mix with replies: standard output becomes standard error.
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)
        answer_requests(folder, load=load, requests=sys.stdin.buffer, replies=replies)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
