"""Let one backtest at a time write into a folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.errors import BadParameter

FILE = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one backtest; the kernel lets it go however the process ends.

    Args:
        folder: Folder of the results, which is made if it is missing.

    Raises:
        BadParameter: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadParameter(
                "another backtest is writing here",
                expected="one at a time in a folder",
                where=str(folder),
                hint="wait until it has ended, or give another folder with `--out`",
            ) from error
        yield
