"""A label is known from when it arrived, where that was recorded, and never earlier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.local.backtest.source import find_source
from slipway.local.backtest.span import within
from slipway.local.replay.history import History, split_history
from slipway.local.replay.periods import PastArrivals
from slipway.local.replay.raw_rows import FileArrival, read_history
from slipway.records.arrivals import find_registration, register
from slipway.wiring import Container

FEATURES = {
    "january": "id,at,price,kind\na,2026-01-05,1.5,x\nb,2026-01-30,2.5,x\n",
    "february": "id,at,price,kind\nc,2026-02-03,2.0,x\n",
    "march": "id,at,price,kind\nd,2026-03-03,2.0,x\n",
    "april": "id,at,price,kind\ne,2026-04-03,2.0,x\n",
}
LABELS = {
    "soon": "id,sold\na,true\n",
    "late": "id,sold\nb,false\nc,true\n",
    "corrected": "id,sold\na,false\n",
    "lost": "id,sold\nd,false\n",
}
MONTHS = ["2026-01", "2026-02", "2026-03", "2026-04", "afterwards"]


def day(month: int, number: int, *, year: int = 2026) -> datetime:
    """Noon of a day."""
    return datetime(year, month, number, 12, tzinfo=UTC)


LIVE = {
    **{name: day(month, 2) for month, name in enumerate(FEATURES, start=2)},
    "soon": day(2, 10),
    "late": day(4, 10),
    "corrected": day(4, 20),
}


def write(folder: Path) -> dict[str, Path]:
    """Write the files of features and labels; return their paths by name."""
    found = {}
    for stream, files in (("features", FEATURES), ("labels", LABELS)):
        (folder / stream).mkdir(parents=True)
        for name, text in files.items():
            found[name] = folder / stream / f"{name}.csv"
            found[name].write_text(text)
    return found


def split(
    folder: Path, container: Container, arrived: dict[str, datetime] | None, *, delay: float = 7.0
) -> History:
    """The history of the files by month."""
    files = write(folder)
    spec = container.dataset("shop")
    moments = arrived or {}
    raw = read_history(
        folder,
        spec,
        container,
        arrived={files[name]: FileArrival(at, at) for name, at in moments.items()},
    )
    raw = within(raw, spec, since=day(1, 1), until=day(12, 1))
    return split_history(
        raw,
        spec,
        by="month",
        label_delay=timedelta(days=delay),
        arrivals=PastArrivals(None, None, day(5, 1)),
    )


def labels(history: History) -> dict[str, list[str]]:
    """Ids of the labels that are known at each step, and their values."""
    return {
        batch: [f"{one['id']}={one['sold']}" for one in rows.to_pylist()]
        for step in range(history.steps)
        for stream, batch, rows in history.deliveries(step)
        if stream == "labels"
    }


def test_without_arrivals_a_label_is_known_after_its_delay(
    container: Container, tmp_path: Path
) -> None:
    """Whatever file it stands in; a correction is known as early as what it corrects."""
    history = split(tmp_path / "past", container, None)
    assert labels(history) == {
        "2026-02": ["a=false", "b=false", "a=true"],
        "2026-03": ["c=true"],
        "2026-04": ["d=false"],
    }
    assert history.labels_known(7.0) == "7 days after the event"


def test_a_label_that_came_late_is_not_used_early(container: Container, tmp_path: Path) -> None:
    """It is known in the month in which it arrived, as is a correction; an unrecorded one waits."""
    history = split(tmp_path / "past", container, LIVE)
    assert labels(history) == {
        "2026-02": ["a=true"],
        "2026-04": ["a=false", "b=false", "c=true", "d=false"],
    }
    assert history.labels_known(7.0) == "as they arrived, 1 of them 7 days after the event"


def test_a_past_that_was_loaded_later_has_its_delay(container: Container, tmp_path: Path) -> None:
    """Files that came years after their events do not tell when labels were known."""
    loaded = dict.fromkeys([*FEATURES, *LABELS], day(6, 1, year=2028))
    history = split(tmp_path / "past", container, loaded)
    assert history.recorded == 0
    assert labels(history) == labels(split(tmp_path / "plain", container, None))


def test_labels_of_rows_that_came_live_never_come_before_their_period(
    container: Container, tmp_path: Path
) -> None:
    """A clock that was wrong makes no label known before its event."""
    wrong = {**LIVE, "late": day(1, 1), "lost": day(1, 1)}
    history = split(tmp_path / "past", container, wrong)
    known = labels(history)
    assert "b=false" in known["2026-02"]
    assert known["2026-03"] == ["c=true"]
    assert "d=false" in known["2026-04"]
    assert history.labels_known(7.0) == "as they arrived"


@pytest.mark.parametrize("is_registered", [True, False])
def test_arrivals_are_read_from_the_projects_registry(
    container: Container, tmp_path: Path, *, is_registered: bool
) -> None:
    """Of each landed file in its present state; one that was not handled has none."""
    store, spec = container.store, container.dataset("shop")
    for stream, name, text in (("features", "january", FEATURES), ("labels", "soon", LABELS)):
        store.write(f"landing/shop/{stream}/{name}.csv", text[name].encode())
    landed = container.source(spec.source).deliveries("shop")
    if is_registered:
        for one in landed:
            register(store, one, revision=1, sha256="00", action="ingested")
    source = find_source(None, spec, own=container, folder=tmp_path, tell=lambda _: None)
    moments = {path.parent.name: one.newest for path, one in source.arrived.items()}
    expected = {
        one.stream: datetime.fromisoformat(found.at)
        for one in landed
        if (found := find_registration(store, one)) is not None
    }
    assert moments == expected
    assert len(moments) == (2 if is_registered else 0)
