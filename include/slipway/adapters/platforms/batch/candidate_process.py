"""The child process of a batch candidate: load one version, answer requests over pipes.

A request is its length in bytes as a line, then its body; a reply is a line of JSON. The parent's
side is `candidate.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

from slipway.adapters.platforms.batch.scoring import Package, score_request
from slipway.errors import BadRequest, SpecError, Tampered


def answer_requests(
    folder: Path, *, load: Callable[[Path], Package], requests: IO[bytes], replies: IO[bytes]
) -> None:
    """Load a version and answer requests until their stream ends.

    Args:
        folder: The version's folder.
        load: Loads it.
        requests: Stream of requests.
        replies: Stream of replies; the first one is `ready`, or the `problem` of the folder.
    """

    def reply(**fields: object) -> None:
        replies.write(json.dumps(fields).encode() + b"\n")
        replies.flush()

    try:
        package = load(folder)
    except (SpecError, Tampered) as error:
        reply(problem=str(error))
        return
    reply(ready=True)
    while length := requests.readline():
        try:
            reply(scores=score_request(package, requests.read(int(length))))
        except BadRequest as error:
            reply(refused=str(error))
