"""Values of a request outside what training saw, counted by column."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.serving.model_server.input_ranges import InputRanges

RANGES = {"numbers": {"wind": [0.0, 30.0]}, "categories": {"port": ["Oban", "Mallaig"]}}


class Counter:
    """Adds up what it is given."""

    def __init__(self) -> None:
        self.total = 0.0

    def inc(self, amount: float = 1) -> None:
        """Add an amount."""
        self.total += amount


class Metrics:
    """Fulfils what `InputRanges` needs of a server's metrics."""

    def __init__(self) -> None:
        self.counters: dict[str, Counter] = {}

    def out_of_range(self, names: Sequence[str]) -> list[Counter]:
        """A counter for each column."""
        self.counters = {name: Counter() for name in names}
        return list(self.counters.values())


def counted(**values: list[object]) -> dict[str, float]:
    """Values out of range by column, among one request's."""
    metrics = Metrics()
    InputRanges(RANGES, columns=list(values), metrics=metrics).count(list(values.values()))
    return {name: counter.total for name, counter in metrics.counters.items()}


def test_the_ends_of_a_range_are_in_it() -> None:
    """Training saw them; the next numbers beyond are outside."""
    assert counted(wind=[0.0, 30.0, 15.5]) == {"wind": 0}
    assert counted(wind=[-1e-9, 30.000001, float("inf")]) == {"wind": 3}


def test_missing_values_are_not_counted() -> None:
    """Nor are columns of which training recorded nothing."""
    assert counted(wind=[None], port=[None], deck=[1.0]) == {"wind": 0, "port": 0}


def test_a_category_that_training_never_saw_is_outside() -> None:
    """Spelling counts."""
    assert counted(port=["Oban", "oban", "Lochinver"]) == {"port": 2}
