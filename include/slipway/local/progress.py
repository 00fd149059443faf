"""Show steps: as one changing line on a terminal, as lines with their times elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

LINE_SECONDS = 10.0
"""Time between two lines about one piece of work."""


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


@contextmanager
def shown_progress(
    console: Console, title: str, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str], None]]:
    """Give a function that shows how far a piece of work is, as often as it likes to tell.

    Elsewhere than on a terminal a line is printed now and then, and none about short work.

    Args:
        console: Output.
        title: The work.
        clock: Seconds.
    """
    if console.is_terminal:
        with console.status(Text(title)) as status:
            yield lambda text: status.update(Text(text))
        return
    began = shown = clock()

    def show(text: str) -> None:
        nonlocal shown
        if clock() - shown >= LINE_SECONDS:
            shown = clock()
            console.print(f"{shown - began:4.0f} s  {text}", markup=False)

    yield show
