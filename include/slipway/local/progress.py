"""Show steps: as one changing line on a terminal, as lines with their times elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def shown_steps(console: Console, title: str) -> Iterator[Callable[[str], None]]:
    """Give a function that shows each step as it begins.

    Args:
        console: Output.
        title: First step.
    """
    if console.is_terminal:
        with console.status(title) as status:
            yield status.update
        return
    began = time.monotonic()

    def show(step: str) -> None:
        console.print(f"{time.monotonic() - began:4.0f} s  {step}", markup=False)

    show(title)
    yield show
