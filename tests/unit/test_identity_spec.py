"""Keys and event times in specs: what each form means, and the contradictions that are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import slipway
from slipway.spec import DatasetSpec
from slipway.spec.identity import identity_of
from slipway.spec.loading import load_all, load_dataset
from slipway.stages.ingest.redelivery import identity_mark
from tests.support.small_specs import DATASET, FILES, MODEL

Make = Callable[[Mapping[str, str]], Path]

WITH_DAY = (
    DATASET.replace(
        "      at: {type: timestamp}\n",
        "      at: {type: timestamp}\n      day: {type: string}\n      clock: {type: integer}\n",
    )
    .replace("      sold:", "      day: {type: string}\n      sold:")
    .replace("key: id", "key: [id, day]")
)
ONE_FILE = DATASET.replace(
    "  labels:\n    columns:\n      id: {type: string}\n",
    "  labels:\n    from: features\n    columns:\n",
)
ROW = ONE_FILE.replace("key: id", "key: row")
TWO = "event_time: {date: day, time: clock, time_format: '%H%M', timezone: Europe/Berlin}"
PAIR = WITH_DAY.replace("event_time: at", TWO)
YEAR_TO_HOUR = "event_time: {year: yr, month: mnth, day: dy, hour: hr, timezone: Europe/Berlin}"
PARTS = DATASET.replace("event_time: at", YEAR_TO_HOUR).replace(
    "      at: {type: timestamp}\n",
    "      yr: {type: integer}\n      mnth: {type: string}\n      dy: {type: integer}\n"
    "      hr: {type: integer}\n",
)
YEARS = PARTS.replace(YEAR_TO_HOUR, "event_time: {year: yr}")


def dataset(make: Make, text: str) -> DatasetSpec:
    """The dataset of a text."""
    files = {**FILES, "datasets/shop/dataset.yaml": text}
    return load_dataset(make(files) / "include/datasets/shop")


def problems(make: Make, text: str, *, model: str = MODEL) -> list[str]:
    """All problems of a project with a dataset."""
    files = {**FILES, "datasets/shop/dataset.yaml": text, "models/sales/model.yaml": model}
    return [str(one) for one in load_all(make(files)).problems]


def test_the_row_covers_what_a_request_can_have(project: Make) -> None:
    """Neither personal columns, nor those that are known later, nor labels."""
    text = ROW.replace("kind: {type: string}", "kind: {type: string, in_key: false}").replace(
        "price: {type: number}", "price: {type: number, pii: hash}"
    )
    made = dataset(project, text)
    assert [part.name for part in made.identity.key.parts] == ["id", "at"]
    assert identity_mark(made) != identity_mark(dataset(project, ROW))
    listed = problems(project, DATASET.replace("{type: number}", "{type: number, in_key: false}"))
    assert any(
        "streams.features.columns.price.in_key: has no effect" in one and "key: row" in one
        for one in listed
    )
    late = ROW.replace("sold: {type: boolean}", "sold: {type: boolean, in_key: false}")
    assert "a key never covers labels" in str(problems(project, late))
    nothing = re.sub(r"type: (string|timestamp|number)", r"type: \1, in_key: false", ROW)
    assert "the row as a key covers no column" in str(problems(project, nothing))


@pytest.mark.parametrize(
    ("text", "key", "time", "shown"),
    [
        (DATASET, "id", "at", "id; at"),
        (WITH_DAY, "_key", "at", "id, day; at"),
        (ROW, "_key", "at", "the row; at"),
        (PAIR, "_key", "_event_time", "id, day; day, clock"),
        (PARTS, "id", "_event_time", "id; yr, mnth, dy, hr"),
        (YEARS, "id", "_event_time", "id; yr"),
        (
            PARTS.replace("month: mnth, day: dy", "day_of_year: dy"),
            "id",
            "_event_time",
            "id; yr, dy, hr",
        ),
        (
            PAIR.replace("time: clock, time_format: '%H%M'", "hour: clock"),
            "_key",
            "_event_time",
            "id, day; day, clock",
        ),
        (
            DATASET.replace("event_time: at", "event_time: arrival"),
            "id",
            "_arrival",
            "id; the arrival",
        ),
    ],
)
def test_a_dataset_says_where_key_and_event_time_are(
    project: Make, text: str, key: str, time: str, shown: str
) -> None:
    """One column of the tables has either; messages have the names that a person wrote."""
    assert problems(project, text) == []
    spec = dataset(project, text)
    identity = spec.identity
    assert (identity.key.column, identity.time.column) == (key, time)
    assert f"{identity.key}; {identity.time}" == shown
    # As it is kept beside a model, and in the manifest of its versions.
    again = DatasetSpec.model_validate_json(spec.model_dump_json())
    assert again.identity == identity
    manifest = json.loads(json.dumps({**identity.facts(), "key_type": identity.key.type}))
    assert identity_of(manifest) == identity
    assert ("identity" in manifest) == (key == "_key" or time != "at")


def test_a_column_of_that_name_is_what_the_words_mean(project: Make) -> None:
    """`row` and `arrival` are no reserved names."""
    named = DATASET.replace("      id:", "      row:").replace("key: id", "key: row")
    named = named.replace("      at:", "      arrival:").replace(": at\n", ": arrival\n")
    assert problems(project, named) == []
    identity = dataset(project, named).identity
    assert (identity.key.column, identity.time.column) == ("row", "arrival")


def test_a_digest_has_neither_labels_nor_personal_data(project: Make) -> None:
    """A guess at a person's data could be compared with it."""
    personal = ROW.replace("kind: {type: string}", "kind: {type: string, pii: hash}")
    names = [part.name for part in dataset(project, personal).identity.key.parts]
    assert names == ["id", "at", "price"]


def test_a_file_is_read_again_once_its_rows_have_other_keys(project: Make) -> None:
    """The mark of a registration changes with all that keys and times are derived from."""
    personal = ROW.replace("kind: {type: string}", "kind: {type: string, pii: hash}")
    texts = [WITH_DAY, ROW, personal, PAIR, PAIR.replace("Berlin", "Paris"), PARTS, YEARS]
    texts += [PARTS.replace("month: mnth, day: dy", "month: dy, day: mnth")]
    marks = {identity_mark(dataset(project, text)) for text in texts}
    assert len(marks) == len(texts)
    assert identity_mark(dataset(project, DATASET)) is None


def test_parts_of_an_event_time_may_be_features(project: Make) -> None:
    """They are columns like others."""
    model = MODEL.replace("[kind]", "[kind, mnth]").replace("[price]", "[price, yr, hr]")
    assert problems(project, PARTS, model=model) == []


def test_parts_of_a_key_may_be_features(project: Make) -> None:
    """A derived key is none, and its parts are columns like others."""
    model = MODEL.replace("categorical: [kind]", "categorical: [kind, day]")
    assert problems(project, WITH_DAY, model=model) == []


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            DATASET.replace("key: id", "key: row"),
            "labels in files of their own have no row of features to be joined by",
            "labels: {from: features}",
        ),
        (DATASET.replace("key: id", "key: [id, id]"), "'id' is named twice", None),
        (DATASET.replace("key: id", "key: []"), "at least one entry", None),
        (
            DATASET.replace("key: id", "key: [id, price]"),
            "key 'price' must be a column of both streams",
            None,
        ),
        (DATASET.replace("key: id", "key: 7"), "given 7; expected text", "put it in quotes"),
        (
            DATASET.replace("id: {type: string}", "id: {type: timestamp}"),
            "the key 'id' is of type timestamp, which identifies no row",
            "`key: [id]`",
        ),
        (
            WITH_DAY.replace("day: {type: string}", "day: {type: number}"),
            "the part of the key 'day' is of type number",
            "`type: integer` or `type: string` or `type: timestamp`",
        ),
        (
            WITH_DAY.replace("      id: {type: string}", "      id: {type: string, pii: hash}", 1),
            "'id' joins predictions to labels and may not be pii",
            "pseudonym",
        ),
        (
            DATASET.replace("at: {type: timestamp}", "arrival: {type: string}").replace(
                "event_time: at", "event_time: arrival"
            ),
            "event_time 'arrival' must be a timestamp feature column",
            "only without it",
        ),
        (PAIR.replace("date: day", "date: dy"), "'dy' must be a feature column", None),
        (PAIR.replace("time: clock", "time: price"), "'price' is of type number", None),
        (
            PAIR.replace(" time_format: '%H%M',", ""),
            "'clock' is of type integer, whose digits can be read in several ways",
            "time_format",
        ),
        (PAIR.replace("'%H%M'", "'%d %H'"), "expected the form of a time of day", None),
        (
            PAIR.replace("timezone", "date_format: '%d.%m.%Y %H', timezone"),
            "expected the form of a day",
            "event_time: NAME",
        ),
        (
            PAIR.replace("date: day", "date: at, date_format: '%Y%m%d'"),
            "'at' is of type timestamp, whose form is that of the column",
            "remove it",
        ),
        (PAIR.replace("Europe/Berlin", "Europe/Berln"), "IANA time zone", "Europe/Berlin"),
        (PAIR.replace("date: day", "dat: day"), "unknown field", None),
        (PAIR.replace("date: day, time: clock", "time: clock"), "no column has the day", "`year`"),
        (
            PAIR.replace("time: clock, time_format: '%H%M', ", ""),
            "`date` needs `time` or `hour` beside it",
            "event_time: NAME",
        ),
        (
            PARTS.replace("year: yr", "year: yr, date: dy"),
            "event_time.year: `date` already says what `year` would",
            "remove one of them",
        ),
        (
            PARTS.replace("year: yr", "year: yr, day_of_year: dy"),
            "event_time.month: `day_of_year` already says what `month` would",
            "remove one of them",
        ),
        (
            PARTS.replace("hour: hr", "hour: hr, time: hr"),
            "event_time.hour: `time` already says what `hour` would",
            "remove one of them",
        ),
        (PARTS.replace("month: mnth, ", ""), "`day` needs `month` beside it", None),
        (
            PARTS.replace("day: dy, ", ""),
            "event_time.hour: `hour` needs `date` or `day` or `day_of_year` beside it",
            None,
        ),
        (PARTS.replace("hour: hr", "minute: hr"), "`minute` needs `hour` beside it", None),
        (PARTS.replace("hour: hr", "hour: dy"), "'dy' is named twice", None),
        (PARTS.replace("hour: hr", "hour: hour"), "'hour' must be a feature column", None),
        (
            PARTS.replace("hr: {type: integer}", "hr: {type: number}"),
            "'hr' is of type number; expected string or integer",
            "takes 5.0 as well",
        ),
        (
            PARTS.replace("yr: {type: integer}", "yr: {type: timestamp}"),
            "'yr' is of type timestamp; expected string or integer",
            "event_time: NAME",
        ),
        (
            PARTS.replace("hour: hr", "hour: hr, time_format: '%H'"),
            "`time_format` needs `time` beside it",
            None,
        ),
        (PARTS.replace("year: yr", "year: 2013"), "given 2013; expected text", "put it in quotes"),
        (
            PARTS.replace("yr: {type: integer}", "yr: {type: integer, pii: hash}"),
            "'yr' joins predictions to labels and may not be pii",
            None,
        ),
    ],
)
def test_a_contradiction_is_one_problem_with_its_line(
    project: Make, text: str, message: str, hint: str | None
) -> None:
    """It names the file, the field, and what would be taken."""
    found = problems(project, text)
    assert any(message in one for one in found), found
    one = next(one for one in found if message in one)
    assert one.startswith("include/datasets/shop/dataset.yaml:")
    assert "<" not in one.partition(": ")[0]
    assert hint is None or hint in one


def test_no_module_asks_a_spec_for_its_key_beside_the_identity() -> None:
    """Where a key or an event time is derived, the spec names no column of the tables."""
    asked = re.compile(r"(?:dataset|spec)\.(?:key|event_time)\b")
    package = Path(slipway.__file__).parent
    found = {path.name for path in package.rglob("*.py") if asked.search(path.read_text())}
    assert found == set()
