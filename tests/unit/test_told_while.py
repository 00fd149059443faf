"""Long work is told while it runs."""

from __future__ import annotations

import threading
import time

import pytest

from slipway.stages.train.told_while import EACH_SECONDS, told_while


def test_long_work_is_told_again_and_again_and_short_work_never() -> None:
    """With what is done, and the time so far; nothing after its end."""
    told: list[str] = []
    twice = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            twice.set()

    with told_while(tell, "fitting a forest to 41,000 rows", each_seconds=0.01):
        assert twice.wait(20)
    count = len(told)
    assert set(told) == {"fitting a forest to 41,000 rows: 0 s so far"}
    with told_while(tell, "short work"):
        pass
    time.sleep(0.05)
    assert len(told) == count
    assert EACH_SECONDS == 15


def test_an_error_ends_the_messages() -> None:
    """And is raised."""
    with pytest.raises(ValueError, match="no column"), told_while(print, "work", each_seconds=0.01):
        raise ValueError("no column")
    assert "told-while" not in {one.name for one in threading.enumerate()}
