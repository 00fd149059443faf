"""`slipway new`: files as people have them become specs that pass the check."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from slipway.local.new_project import make_project
from slipway.spec.loading import Loaded, load_all
from slipway.stages.profile.choose_target import plan_target
from slipway.stages.profile.new_specs import NewSpecs
from slipway.wiring.new_specs import plan_file, profile_file, write_specs

ROWS = 400


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, which is the working directory."""
    folder = tmp_path / "project"
    make_project(folder)
    monkeypatch.chdir(folder)
    return folder


def planned(file: Path, *, target: str | None = None) -> NewSpecs:
    """The plan of a file."""
    profiled = profile_file(file)
    return plan_file(profiled, plan_target(profiled.measured, asked=target))


def roles(plan: NewSpecs) -> dict[str, str]:
    """What each column is to the model."""
    return {name: one.role for name, one in plan.columns.items()}


def written(plan: NewSpecs, home: Path) -> Loaded:
    """The specs of a plan as the project has them now."""
    write_specs(plan, home)
    loaded = load_all(home)
    assert [str(problem) for problem in loaded.problems] == []
    return loaded


def table(rows: int = ROWS) -> pd.DataFrame:
    """Two numbers, a category, and what follows from them."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "Size m2": rng.normal(80, 20, rows).round(1),
            "rooms": rng.integers(1, 6, rows),
            "district": rng.choice(["north", "south", "old town"], rows),
        }
    )
    noise = rng.normal(0, 10, rows)
    frame["price"] = (frame["Size m2"] * 3 + frame["rooms"] * 9 + noise).round(2)
    return frame


def binary(rows: int = ROWS) -> pd.DataFrame:
    """The same with two classes."""
    frame = table(rows)
    frame["sold"] = np.where(frame.pop("price") > 260, "yes", "no")
    return frame


def several(rows: int = ROWS) -> pd.DataFrame:
    """The same with three classes."""
    frame = table(rows)
    frame["species"] = pd.cut(frame.pop("price"), 3, labels=["low", "mid", "high"]).astype(str)
    return frame


WAYS: dict[str, Callable[[pd.DataFrame, Path], Path]] = {
    "plain": lambda f, d: _csv(f, d / "houses.csv"),
    "semicolons and commas": lambda f, d: _csv(f, d / "houses.csv", sep=";", decimal=","),
    "tabs": lambda f, d: _csv(f, d / "houses.tsv", sep="\t"),
    "tabs in csv": lambda f, d: _csv(f, d / "houses.csv", sep="\t"),
    "bars": lambda f, d: _csv(f, d / "houses.csv", sep="|"),
    "single quotes": lambda f, d: _csv(f, d / "houses.csv", quotechar="'", quoting=1),
    "quoted": lambda f, d: _csv(f, d / "houses.csv", quoting=1),
    "cp1252": lambda f, d: _csv(
        f.rename(columns={"rooms": "Räume"}), d / "h.csv", encoding="cp1252"
    ),
    "utf-16": lambda f, d: _csv(f, d / "houses.csv", encoding="utf-16"),
    "a mark in front": lambda f, d: _csv(f, d / "houses.csv", encoding="utf-8-sig"),
    "no header": lambda f, d: _csv(f, d / "houses.data", header=False),
    "a title above": lambda f, d: _titled(f, d / "houses.csv"),
    "an index without a name": lambda f, d: _csv(f, d / "houses.csv", index=True),
    "question marks": lambda f, d: _csv(f, d / "houses.csv", na_rep="?"),
    "NA": lambda f, d: _csv(f, d / "houses.csv", na_rep="NA"),
    "gzip": lambda f, d: _csv(f, d / "houses.csv.gz"),
    "JSON Lines": lambda f, d: _json(f, d / "houses.jsonl"),
    "Parquet": lambda f, d: _parquet(f, d / "houses.parquet"),
}


def _csv(frame: pd.DataFrame, path: Path, **how: Any) -> Path:
    frame.to_csv(path, **{"index": False, **how})
    return path


def _titled(frame: pd.DataFrame, path: Path) -> Path:
    path.write_text("Houses of the town\n\n" + frame.to_csv(index=False))
    return path


def _json(frame: pd.DataFrame, path: Path) -> Path:
    lines = [
        json.dumps({name: None if pd.isna(cell) else cell for name, cell in row.items()})
        for row in frame.to_dict("records")
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path)
    return path


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_read_as_it_was_written(way: str, tmp_path: Path, home: Path) -> None:
    """Dialect, encoding, header and missing marks; the specs pass the check."""
    frame = binary()
    frame.loc[::17, "Size m2"] = None
    frame.loc[::19, "district"] = None
    plan = planned(WAYS[way](frame, tmp_path))
    assert plan.measured.rows == ROWS
    kinds = [one.role for one in plan.columns.values()]
    assert kinds == ["number", "number", "category", "target"]
    size, _, district, _ = plan.columns.values()
    assert size.column.type == "number"
    assert size.column.known == frame["Size m2"].notna().sum()
    assert district.column.distinct == 3
    assert district.column.known == frame["district"].notna().sum()
    loaded = written(plan, home)
    assert list(loaded.models) == [plan.model]


@pytest.mark.parametrize(
    ("make", "metric"), [(binary, "roc_auc"), (table, "mean_absolute_error"), (several, "accuracy")]
)
@pytest.mark.parametrize("rows", [150, ROWS])
def test_gates_lie_between_a_constant_and_a_quick_model(
    make: Callable[[], pd.DataFrame], metric: str, rows: int, tmp_path: Path, home: Path
) -> None:
    """A good model passes, and a constant does not; small files are enough for a first model."""
    plan = planned(_csv(make().head(rows), tmp_path / "houses.csv"))
    assert metric in plan.bars[0].metric
    for bar in plan.bars:
        assert bar.reached is not None
        assert min(bar.constant, bar.reached) < bar.threshold < max(bar.constant, bar.reached)
    sizes = plan.sizes
    assert sizes.first_after_labels <= rows
    assert sizes.min_rows <= rows - sizes.holdout_rows
    assert sizes.min_holdout_rows <= sizes.holdout_rows
    assert sizes.window_rows * 5 <= rows
    model = written(plan, home).models[plan.model]
    assert model.gates.metrics.keys() == {bar.metric for bar in plan.bars}


def test_a_time_makes_a_split_by_time(tmp_path: Path, home: Path) -> None:
    """About a fifth is held out, and the window has rows enough."""
    frame = binary(2000)
    frame.insert(0, "sold_at", pd.date_range("2024-01-01", periods=2000, freq="h").astype(str))
    plan = planned(_csv(frame, tmp_path / "houses.csv"))
    assert plan.time.columns == ("sold_at",)
    assert plan.sizes.split == "time"
    assert 0.15 < plan.sizes.holdout_rows / 2000 < 0.25
    assert written(plan, home).datasets["houses"].event_time == "sold_at"


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M"),
        ("%m/%d/%Y", "%m/%d/%Y"),
        ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
        ("%Y-%m-%dT%H:%M:%SZ", None),
        ("%Y%m%d", "%Y%m%d"),
        ("%d-%b-%Y", "%d-%b-%Y"),
        ("%s", "epoch_seconds"),
    ],
)
def test_times_are_read_in_the_form_of_the_file(
    texts: str, form: str | None, tmp_path: Path, home: Path
) -> None:
    """Day before month or behind it is told by the order of the file."""
    frame = binary()
    frame.insert(0, "date", pd.date_range("2023-01-05", periods=ROWS, freq="D").strftime(texts))
    plan = planned(_csv(frame, tmp_path / "houses.csv"))
    assert plan.columns["date"].column.guess.format == form
    assert plan.time.columns == ("date",)
    written(plan, home)


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("%d/%m/%Y", "%H:%M:%S", None),
        ("%Y-%m-%d", "%H.%M.%S", "%H.%M.%S"),
        ("%Y-%m-%d", "hour", "%H"),
    ],
)
def test_a_day_and_a_time_of_day_in_two_columns_are_the_event_time(
    day: str, clock: str, expected: str | None, tmp_path: Path, home: Path
) -> None:
    """Texts or hours; together they are the key where no row repeats them."""
    times = pd.date_range("2023-01-05", periods=ROWS, freq="h")
    frame = table()
    frame.insert(0, "Date", times.strftime(day))
    frame.insert(1, "hr" if clock == "hour" else "Time", _clock(times, clock))
    plan = planned(_csv(frame, tmp_path / "houses.csv"))
    assert plan.time.columns == tuple(frame.columns[:2])
    assert plan.time.time_format == expected
    assert plan.key.columns == plan.time.columns
    written(plan, home)


def _clock(times: pd.DatetimeIndex, form: str) -> Sequence[Any]:
    return times.hour.tolist() if form == "hour" else times.strftime(form).tolist()


def test_the_key_is_an_identifier_several_columns_or_the_row(tmp_path: Path, home: Path) -> None:
    """A number of rows is no identifier, since the next file has the same."""
    frame = binary()
    plan = planned(_csv(frame.assign(house_id=range(500, 500 + ROWS)), tmp_path / "a.csv"))
    assert plan.key.columns == ("house_id",)
    written(plan, home)
    stores = pd.DataFrame(
        {
            "store": [f"s{number % 4}" for number in range(ROWS)],
            "week": pd.date_range("2020-01-06", periods=ROWS // 4, freq="7D").repeat(4).astype(str),
        }
    )
    plan = planned(_csv(pd.concat([stores, frame], axis=1), tmp_path / "b.csv"))
    assert plan.key.columns == ("store", "week")
    written(plan, home)
    frame.insert(0, "Unnamed: 0", range(ROWS))
    plan = planned(_csv(frame, tmp_path / "c.csv"))
    assert plan.key.columns == ()
    assert roles(plan)["Unnamed: 0"] == "left out"
    assert written(plan, home).datasets["data_c"].key == "row"


def test_identifiers_constants_and_prose_are_left_out(tmp_path: Path, home: Path) -> None:
    """With the reason in the files."""
    rng = random.Random(1)
    words = ["a", "house", "with", "garden", "near", "station", "sunny", "quiet"]
    frame = binary().assign(
        code=[f"{rng.randrange(10**9):09d}" for _ in range(ROWS)],
        country="XY",
        nothing=None,
        remarks=[" ".join(rng.choices(words, k=9)) for _ in range(ROWS)],
    )
    plan = planned(_csv(frame, tmp_path / "houses.csv"), target="sold")
    left = {name for name, role in roles(plan).items() if role in {"left out", "key"}}
    assert left == {"code", "country", "nothing", "remarks"}
    written(plan, home)
    text = (home / "include/models/houses_sold/model.yaml").read_text()
    assert "country: it has one value only" in text


def test_rare_ones_of_many_categories_are_grouped(tmp_path: Path, home: Path) -> None:
    """Where some are common; a column of rare ones alone is left out."""
    frame = binary(2000)
    frame["town"] = [f"t{one % 900}" if one % 2 else "t0" for one in range(2000)]
    frame["shop"] = [f"s{one % 400}" for one in range(2000)]
    plan = planned(_csv(frame, tmp_path / "houses.csv"), target="sold")
    assert roles(plan)["shop"] == "left out"
    features = written(plan, home).models[plan.model].features
    assert features.encodings.keys() == {"town"}
    assert features.encodings["town"].rare_below == 0.01


def test_personal_data_are_named_and_dropped(tmp_path: Path, home: Path) -> None:
    """By the names of columns and by the shapes of their texts."""
    rows = range(ROWS)
    frame = binary().assign(
        contact=[f"user{one}@example.org" for one in rows],
        Telefon=[f"+49 170 {1_000_000 + one}" for one in rows],
        lastName=[f"Name{one % 90}" for one in rows],
        account=["DE89370400440532013000"] * (ROWS - 1) + ["GB29NWBK60161331926819"],
        where=[f"{one} Long Street" for one in rows],
        who=[f"Smith{one}, Mr. John" for one in rows],
    )
    plan = planned(_csv(frame, tmp_path / "houses.csv"), target="sold")
    personal = {name for name, role in roles(plan).items() if role == "personal"}
    assert personal == {"contact", "Telefon", "lastName", "account", "where", "who"}
    columns = written(plan, home).datasets["houses"].streams.features.columns
    assert {name for name, one in columns.items() if one.pii == "drop"} == personal


def test_leaks_of_the_target_are_named_and_left_out(tmp_path: Path, home: Path) -> None:
    """Columns that tell all of it alone, or as a sum, or afterwards by their name."""
    frame = binary(1000)
    answer = frame["sold"] == "yes"
    rng = np.random.default_rng(2)
    frame["alive"] = np.where(answer, "A", "B")
    frame["outcome_score"] = answer * 1.0 + rng.normal(0, 0.6, 1000)
    frame["duration"] = answer * 1.0 + rng.normal(0, 0.25, 1000)
    plan = planned(_csv(frame, tmp_path / "houses.csv"), target="sold")
    left = {name for name, role in roles(plan).items() if role == "left out"}
    assert left == {"alive", "outcome_score", "duration"}
    frame["marital-status"] = answer * 1.0 + rng.normal(0, 0.8, 1000)
    plan = planned(
        _csv(frame.drop(columns=["alive", "duration"]), tmp_path / "kept.csv"), target="sold"
    )
    assert roles(plan)["marital-status"] == "number"
    written(plan, home)
    sums = table().assign(land=lambda one: (one["price"] * 0.4).round(2))
    sums["building"] = sums["price"] - sums["land"]
    plan = planned(_csv(sums, tmp_path / "sums.csv"), target="price")
    assert {name for name, role in roles(plan).items() if role == "left out"} >= {
        "land",
        "building",
    }
    logarithm = table().assign(log=lambda one: np.log(one["price"]))
    plan = planned(_csv(logarithm, tmp_path / "logs.csv"), target="price")
    assert {name for name, role in roles(plan).items() if role == "left out"} == {"log"}


def test_sentinels_and_marks_are_missing_values(tmp_path: Path, home: Path) -> None:
    """A number far away from all others, and words among numbers."""
    frame = table()
    frame.loc[::11, "Size m2"] = -9999
    frame["rooms"] = frame["rooms"].astype(object)
    frame.loc[::13, "rooms"] = "unknown"
    plan = planned(_csv(frame, tmp_path / "houses.csv"))
    assert plan.marks == ("-9999", "-9999.0", "unknown")
    assert plan.columns["rooms"].column.type == "integer"
    assert plan.columns["Size m2"].column.sample.min() > 0
    assert written(plan, home).datasets["houses"].csv.missing == list(plan.marks)
    frame = table()
    frame.loc[::11, "Size m2"] = -200
    plan = planned(_csv(frame, tmp_path / "komma.csv", sep=";", decimal=","))
    assert plan.marks == ("-200", "-200,0")
    assert "-200 means a missing value in every column: `csv.missing` of dataset.yaml" in (
        plan.doubts
    )
    assert plan.columns["Size m2"].column.sample.min() > 0


def test_whole_numbers_without_a_negative_one_have_none_below_zero(tmp_path: Path) -> None:
    """An age of -20 is a bad row; a temperature may fall below what this file has."""
    frame = table().assign(age=lambda one: 20 + one.index % 50)
    plan = planned(_csv(frame, tmp_path / "houses.csv"))
    least = {
        one.kwargs["column"]: one.kwargs["min_value"]
        for one in plan.features
        if "min_value" in one.kwargs
    }
    assert least["age"] == 0
    assert least["Size m2"] < 0


def test_without_a_quick_model_nobody_is_told_that_it_was_poor(tmp_path: Path) -> None:
    """Twelve rows are too few to fit one."""
    plan = planned(_csv(table(12), tmp_path / "houses.csv"))
    assert any("no quick model was fitted" in one for one in plan.doubts)
    assert not any("hardly better" in one for one in plan.doubts)


def test_names_of_any_kind_are_declared_or_named(tmp_path: Path, home: Path) -> None:
    """Names that no table can hold are said to be never read."""
    frame = binary()
    frame.columns = ["yes", "1st: room # [m²]", 'a "b" \\ c', "sold"]
    frame = frame.assign(_hidden=1, SOLD_=2, **{" sold": 3})
    plan = planned(_csv(frame, tmp_path / "houses.csv"), target="sold")
    assert set(plan.measured.left_out) == {"_hidden", " sold"}
    assert {one.partition(" is not read: ")[0] for one in plan.doubts} >= {"_hidden", " sold"}
    columns = written(plan, home).datasets["houses"].streams.features.columns
    assert {"yes", "1st: room # [m²]", 'a "b" \\ c'} <= columns.keys()


def test_columns_that_are_called_like_words_of_a_spec_are_not_meant(
    tmp_path: Path, home: Path
) -> None:
    """`key: row` and `event_time: arrival` name no column then."""
    frame = binary().assign(row=[f"r{one % 7}" for one in range(ROWS)], arrival=1.5)
    plan = planned(_csv(frame, tmp_path / "houses.csv"), target="sold")
    dataset = written(plan, home).datasets["houses"]
    assert (dataset.key, dataset.event_time) == ("row", "arrival")
    assert not {"row", "arrival"} & dataset.streams.features.columns.keys()


def test_classes_of_any_spelling_are_targets(tmp_path: Path, home: Path) -> None:
    """Truth values, 0 and 1, two other numbers, and words; class 1 is named where it must be."""
    frame = binary()
    answer = frame.pop("sold") == "yes"
    for name, (one, other, positive) in {
        "booleans": ("True", "False", None),
        "bits": (1, 0, None),
        "floats": (1.0, 0.0, None),
        "others": (2, 1, 2),
        "words": ("UP", "DOWN", "UP"),
        "reserved": ("no", "yes", "yes"),
    }.items():
        labels = np.where(answer, one, other)
        file = _csv(frame.assign(target=labels), tmp_path / f"{name}.csv")
        plan = planned(file)
        assert plan.target.task == "classification"
        assert plan.target.positive == positive
        model = written(plan, home).models[plan.model]
        assert model.positive == positive


@pytest.mark.parametrize(
    "options", [["--yes"], ["--yes", "--target", "rooms", "--name", "Flats 2"]]
)
def test_the_command_writes_and_says_why(options: list[str], tmp_path: Path, home: Path) -> None:
    """The table names each column; a second time nothing is overwritten."""
    file = _csv(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert all(name in result.stdout for name in ("Size m2", "rooms", "district", "sold"))
    assert "next: slipway try " in result.stdout
    before = {one: one.read_text() for one in home.rglob("*.yaml")}
    again = CliRunner().invoke(commands, ["new", str(file), *options])
    assert again.exit_code == 1
    assert "nothing is overwritten" in again.output
    assert before == {one: one.read_text() for one in home.rglob("*.yaml")}
    assert CliRunner().invoke(commands, ["check"]).exit_code == 0


def test_without_a_terminal_guesses_are_taken_with_yes_only(tmp_path: Path, home: Path) -> None:
    """The guesses are shown, and nothing is written."""
    file = _csv(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file)])
    assert result.exit_code == 1
    assert "--yes" in result.output
    assert "roc_auc" in result.output
    assert not (home / "include/datasets/houses").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x y z\n1 2 3\n", "is no table"),
        ("a.xlsx", b"PK", "save the sheet as CSV"),
        ("a.csv.gz", b"no gzip", "no gzip"),
        ("a.csv", b"one,two\n1,2\n", "no column can be predicted"),
    ],
)
def test_what_is_no_table_is_refused(
    name: str, content: bytes, message: str, tmp_path: Path, home: Path
) -> None:
    """With what was expected, and no traceback."""
    del home
    (tmp_path / name).write_bytes(content)
    result = CliRunner().invoke(commands, ["new", str(tmp_path / name), "--yes"])
    assert result.exit_code == 1
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_an_unknown_target_has_a_nearest_name(tmp_path: Path, home: Path) -> None:
    """Case does not matter."""
    file = _csv(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), "--target", "solt", "--yes"])
    assert "did you mean 'sold'?" in result.output
    assert planned(file, target="SOLD").target.column == "sold"
    del home


def test_a_sample_is_spread_over_a_long_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is sorted by its target shows every class, and its rows are counted."""
    monkeypatch.setattr("slipway.wiring.new_specs.MOST_SAMPLED", 1000)
    frame = binary(90_000).sort_values("sold")
    path = tmp_path / "houses.csv.gz"
    with gzip.open(path, "wt") as stream:
        frame.to_csv(stream, index=False)
    plan = planned(path)
    assert plan.measured.rows == 90_000
    assert 400 < plan.measured.sampled <= 1000
    share = (frame["sold"] == "yes").mean()
    assert plan.shares["yes"] == pytest.approx(share, abs=0.02)


def test_what_a_sample_left_out_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that repeats between the sampled rows is none, and a late fraction makes a number."""
    monkeypatch.setattr("slipway.wiring.new_specs.MOST_SAMPLED", 1000)
    frame = binary(4000)
    frame.insert(0, "house_id", np.arange(4000) // 2 * 2)
    frame["floor"] = pd.Series([one % 9 for one in range(4000)], dtype=object)
    frame.loc[3, "floor"] = 1.5
    plan = planned(_csv(frame, tmp_path / "houses.csv"))
    assert plan.measured.sampled == 1000
    assert plan.key.columns == ()
    assert plan.columns["house_id"].role == "left out"
    assert plan.columns["floor"].column.type == "number"
