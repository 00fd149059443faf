"""History split into periods: what is known when, from the cells of the files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.local.replay.history import History, split_history
from slipway.local.replay.periods import PastArrivals
from slipway.local.replay.player import outcome_of
from slipway.local.replay.raw_rows import history_files, read_history
from slipway.records import requests
from slipway.wiring import Container
from slipway.wiring.matching_stream import find_dataset
from tests.fakes.memory_store import MemoryStore
from tests.support.command_line import Make, slipway
from tests.support.small_specs import DATASET, EXPECTATIONS, FILES

FEATURES = """\
id,at,price,kind
a,2026-01-30,"1,5",x
b,2026-01-31,?,y
c,2026-02-01,2.0,x
d,no time,2.0,x
e,2026-03-05,3.0,x
"""
LABELS = "id,sold\na,true\nb,false\nc,true\nd,true\ne,false\nz,true\n"
ONE_FILE = DATASET.replace(
    """  labels:
    columns:
      id: {type: string}
      sold: {type: boolean}
""",
    """  labels:
    from: features
    columns:
      sold: {type: boolean}
""",
)

WITHOUT_TIME = ONE_FILE.replace("key: id\nevent_time: at\n", "key: row\nevent_time: arrival\n")
NOW = datetime(2026, 3, 9, 17, tzinfo=UTC)


def write(folder: Path, **files: str) -> Path:
    """A folder of CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def split(
    place: Path,
    container: Container,
    *,
    delay_days: float = 0.0,
    parts: int | None = None,
    order: str | None = None,
    last: datetime = NOW,
) -> History:
    """The history of a folder by month."""
    spec = container.dataset("shop")
    raw = read_history(place, spec, container)
    arrivals = PastArrivals(parts, order, last)
    delay = timedelta(days=delay_days)
    return split_history(raw, spec, by="month", label_delay=delay, arrivals=arrivals)


def known(history: History) -> list[list[tuple[str, str, list[str]]]]:
    """Stream, batch and ids of what is delivered, by step."""
    return [
        [(stream, batch, rows["id"].to_pylist()) for stream, batch, rows in history.deliveries(one)]
        for one in range(history.steps)
    ]


def test_rows_are_known_in_their_period_and_labels_after_it(
    container: Container, tmp_path: Path
) -> None:
    """A row without a readable time stays beside the row before it; an unknown key comes last."""
    history = split(write(tmp_path / "past", one=FEATURES, two=LABELS), container)
    assert known(history) == [
        [("features", "2026-01", ["a", "b"])],
        [("features", "2026-02", ["c", "d"]), ("labels", "2026-02", ["a", "b"])],
        [("features", "2026-03", ["e"]), ("labels", "2026-03", ["c", "d"])],
        [("labels", "afterwards", ["e", "z"])],
    ]


def test_rows_whose_time_is_in_parts_have_their_period(
    container: Container, project: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    """Day 31 of February is no time; requests have the parts and the moment."""
    parts = DATASET.replace("event_time: at", "event_time: {year: y, month: m, day: d}").replace(
        "      at: {type: timestamp}\n",
        "      y: {type: integer}\n      m: {type: string}\n      d: {type: integer}\n",
    )
    project({**FILES, "datasets/shop/dataset.yaml": parts})
    rows = ["a,2026,1,30", "b,2026,Jan,31", "c,2026,2,1", "d,2026,2,31", "e,2026,03,5"]
    text = "id,y,m,d,price,kind\n" + "".join(f"{row},2.0,x\n" for row in rows)
    history = split(write(tmp_path / "past", one=text, two=LABELS), container)
    features = [ids for step in known(history) for kind, _, ids in step if kind == "features"]
    assert features == [["a", "b"], ["c", "d"], ["e"]]
    asked = history.rows(0, ["price"])
    assert asked["m"].tolist() == ["1", "Jan"]
    assert [str(one.date()) for one in asked["_event_time"]] == ["2026-01-30", "2026-01-31"]


def test_labels_wait_for_their_delay(container: Container, tmp_path: Path) -> None:
    """What is not known by the end of the last period comes after it."""
    place = write(tmp_path / "past", one=FEATURES, two=LABELS)
    history = split(place, container, delay_days=33)
    labels = {batch: ids for step in known(history) for kind, batch, ids in step if kind[0] == "l"}
    assert labels == {"2026-03": ["a", "b", "c", "d"], "afterwards": ["e", "z"]}


def test_cells_stay_as_the_files_have_them(container: Container, tmp_path: Path) -> None:
    """The ring reads and judges them by the dataset's dialect; requests have declared types."""
    history = split(write(tmp_path / "past", one=FEATURES, two=LABELS), container)
    _, _, january = history.deliveries(0)[0]
    assert january["price"].to_pylist() == ["1,5", "?"]
    asked = history.rows(1, ["price"])
    assert asked["id"].tolist() == ["c"]
    assert asked["price"].tolist() == [2.0]


def test_labels_in_the_features_file_come_with_a_second_delivery(
    container: Container, project: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    """The first one has none of them."""
    expected = EXPECTATIONS.partition("labels:")[0]
    specs = {"datasets/shop/dataset.yaml": ONE_FILE, "datasets/shop/expectations.yaml": expected}
    project({**FILES, **specs})
    sold = ["sold", "true", "false", "true", "true", "false"]
    lines = zip(FEATURES.splitlines(), sold, strict=True)
    text = "".join(f"{line},{label}\n" for line, label in lines)
    history = split(write(tmp_path / "past", one=text), container)
    delivered = [
        [(batch, rows["sold"].to_pylist()) for _, batch, rows in history.deliveries(step)]
        for step in range(history.steps)
    ]
    assert delivered == [
        [("2026-01", [None, None])],
        [("2026-01", ["true", "false"]), ("2026-02", [None, None])],
        [("2026-02", ["true", "true"]), ("2026-03", [None])],
        [("2026-03", ["false"])],
    ]


def test_folders_name_the_streams_and_markers_are_left_alone(
    container: Container, tmp_path: Path
) -> None:
    """A folder `labels` holds labels, whatever their columns are."""
    write(tmp_path / "past/features", one=FEATURES)
    write(tmp_path / "past/labels", all=LABELS)
    (tmp_path / "past/_SUCCESS").touch()
    assert split(tmp_path / "past", container).steps == 4


def test_history_without_features_or_labels_is_refused(
    container: Container, tmp_path: Path
) -> None:
    """The error names what is missing."""
    with pytest.raises(BadParameter, match="there are no features of shop"):
        split(write(tmp_path / "one", two=LABELS), container)
    with pytest.raises(BadParameter, match="there are no labels of shop"):
        split(write(tmp_path / "two", one=FEATURES), container)


@pytest.fixture
def timeless(
    container: Container, project: Callable[[dict[str, str]], Path], tmp_path: Path
) -> Path:
    """Past of a dataset whose rows have neither a key nor an event time, in one file."""
    del container
    expected = EXPECTATIONS.partition("labels:")[0]
    specs = {"datasets/shop/dataset.yaml": WITHOUT_TIME}
    project({**FILES, **specs, "datasets/shop/expectations.yaml": expected})
    rows = [f"{name},,{price},x,true\n" for name, price in zip("abcdefg", "7651423", strict=True)]
    return write(tmp_path / "past", one="id,at,price,kind,sold\n" + "".join(rows))


def test_one_file_without_times_needs_to_be_told_how_it_is_cut(
    container: Container, timeless: Path
) -> None:
    """The hint names both options."""
    with pytest.raises(BadParameter, match="cannot be split") as refused:
        split(timeless, container)
    assert refused.value.hint is not None
    assert "--parts" in refused.value.hint
    assert "--order" in refused.value.hint
    with pytest.raises(BadParameter, match="how many deliveries"):
        split(timeless, container, order="price")
    with pytest.raises(BadParameter, match="no column 'cost'"):
        split(timeless, container, parts=2, order="cost")


def test_rows_without_times_arrive_in_parts_up_to_the_present_period(
    container: Container, timeless: Path
) -> None:
    """One part a period, in the order of the file; requests have the moment of their arrival."""
    history = split(timeless, container, parts=3)
    first = [history.deliveries(step)[-1][2]["id"].to_pylist() for step in range(3)]
    assert first == [["a", "b", "c"], ["d", "e"], ["f", "g"]]
    assert [one.name for one in history.periods] == ["2026-01", "2026-02", "2026-03"]
    assert history.arrival("2026-02") == datetime(2026, 2, 1, tzinfo=UTC)
    asked = history.rows(1, ["price"])
    assert asked["_arrival"].tolist() == [datetime(2026, 2, 1, tzinfo=UTC)] * 2
    assert asked["_key"].nunique() == 2
    assert [batch for _, batch, _ in history.deliveries(1)] == ["2026-01", "2026-02"]


def test_a_column_puts_rows_without_times_in_order(container: Container, timeless: Path) -> None:
    """By value, not by text; the rows of a part stay as the file has them."""
    history = split(timeless, container, parts=2, order="price")
    first = [history.deliveries(step)[-1][2]["price"].to_pylist() for step in range(2)]
    assert first == [["1", "4", "2", "3"], ["7", "6", "5"]]


def test_files_without_times_are_deliveries_in_the_order_of_their_names(
    container: Container, timeless: Path
) -> None:
    """One period after the other."""
    write(timeless, two="id,at,price,kind,sold\nz,,1,x,false\n")
    history = split(timeless, container)
    assert [one.name for one in history.periods] == ["2026-02", "2026-03"]
    assert history.deliveries(1)[-1][2]["id"].to_pylist() == ["z"]


def test_rows_with_times_are_not_cut(container: Container, tmp_path: Path) -> None:
    """Their event time says to what period they belong."""
    place = write(tmp_path / "past", one=FEATURES, two=LABELS)
    with pytest.raises(BadParameter, match="have an event time"):
        split(place, container, parts=3)
    assert split(place, container).arrival("2026-02") is None


def test_history_finds_its_dataset_by_its_columns(
    container: Container, project: Make, tmp_path: Path
) -> None:
    """As a delivery does; a file that several datasets could have leaves it to the next one."""
    yard = DATASET.replace("dataset: shop", "dataset: yard").replace("price", "weight")
    project({"datasets/yard/dataset.yaml": yard})
    past = write(tmp_path / "past", a=LABELS, b=FEATURES.replace("price", "weight"))
    assert find_dataset(history_files(past), container) == "yard"
    with pytest.raises(BadParameter, match="the file fits several streams") as caught:
        find_dataset([past / "a.csv"], container)
    assert "--dataset" in str(caught.value)


def test_replay_needs_a_running_installation(container: Container, tmp_path: Path) -> None:
    """The hint says how to start one."""
    del container
    result = slipway("replay", str(tmp_path))
    assert result.exit_code == 1
    assert "slipway up" in result.output


def test_what_became_of_a_request_is_told_as_it_is() -> None:
    """One that waits for a person, or is trained just now, was not suppressed."""
    store, day = MemoryStore(), datetime(2024, 1, 1, tzinfo=UTC)
    numbers = [
        requests.file_request(
            *(store, "m"),
            kind="drift",
            reason="x",
            at=day.isoformat(),
            by="monitor",
            unique=f"{one}",
        )
        for one in range(4)
    ]
    filed = requests.all_requests(store, "m")
    assert len(filed) == len(numbers) == 4
    for one, action in ((filed[1], "accept"), (filed[2], "suppress"), (filed[3], "accept")):
        requests.decide(store, one, action=action, reason="so")
    requests.answer(store, filed[3], outcome="promoted", reason="so")
    told = [outcome_of(store, one) for one in filed]
    assert told == ["waits", "in training", "suppressed", "promoted"]
