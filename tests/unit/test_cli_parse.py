"""`slipway parse`: how a column reads a value; and times on the command line."""

from __future__ import annotations

import json

import pytest

from slipway.values.bad_value import BadValue
from slipway.values.parse import PARSERS
from slipway.values.text_format import PLAIN
from slipway.wiring import Container
from tests.support.command_line import Make, slipway
from tests.support.small_specs import FILES

DATASET = """\
dataset: shop
key: id
event_time: at
csv: {decimal: ",", thousands: ".", missing: ["?"], true: ["ja"]}
streams:
  features:
    columns:
      id: {type: string}
      at: {type: timestamp, format: "%d.%m.%Y %H:%M", timezone: Europe/Berlin}
      price: {type: number}
      kind: {type: string}
      pieces: {type: integer}
      new: {type: boolean}
  labels:
    columns:
      id: {type: string}
      sold: {type: boolean}
"""


@pytest.fixture
def german(container: Container, project: Make) -> Container:
    """The small project with a dialect of its own."""
    project({"datasets/shop/dataset.yaml": DATASET})
    return container


@pytest.mark.parametrize(
    ("column", "value", "read"),
    [
        ("id", "007", "007"),
        ("id", "caf\u00e9", "caf\u00e9"),
        ("id", " x ", " x "),
        ("id", "?", "missing"),
        ("price", "1.234,5", "1234.5"),
        ("price", "-3,5", "-3.5"),
        ("price", "", "missing"),
        ("price", "NA", "missing"),
        ("pieces", "9223372036854775807", "9223372036854775807"),
        ("pieces", "-5", "-5"),
        ("new", "Ja", "true"),
        ("at", "05.03.2024 06:07", "2024-03-05T05:07:00+00:00"),
    ],
)
def test_a_text_is_read_with_the_declared_type_and_dialect(
    german: Container, column: str, value: str, read: str
) -> None:
    """The canonical text is printed, with the dataset's `csv` and the column's `format` applied."""
    del german
    result = slipway("parse", "shop", "features", column, value)
    assert (result.exit_code, result.output) == (0, f"{read}\n")


@pytest.mark.parametrize(
    ("column", "value", "refusal"),
    [
        ("price", "-3,4e38", "refused: is beyond"),
        ("pieces", "9223372036854775808", "refused: is an integer beyond 64 bits"),
        ("pieces", "n/k", "refused: is no integer"),
        ("new", "perhaps", "refused: is no boolean"),
        ("at", "now", "refused: is no time of the form %d.%m.%Y %H:%M"),
        ("id", "a\udcffb", "refused: has half of a surrogate pair"),
    ],
)
def test_a_refused_text_has_its_reason_and_status_1(
    german: Container, column: str, value: str, refusal: str
) -> None:
    """The reason is that of an ingest."""
    del german
    result = slipway("parse", "shop", "features", column, value)
    assert result.exit_code == 1
    assert result.output.startswith(refusal)


def test_several_values_are_read_at_once(german: Container) -> None:
    """Each is named before its answer; in JSON its reading has fields, the hint included."""
    del german
    words = ("parse", "shop", "features", "price", "1,5", "x", "?")
    assert slipway(*words).output == "'1,5': 1.5\n'x': refused: is no number\n'?': missing\n"
    result = slipway(*words, "--json")
    nothing = {"value": None, "missing": False, "reason": None, "hint": None}
    assert json.loads(result.output) == [
        nothing | {"given": "1,5", "value": "1.5"},
        nothing | {"given": "x", "reason": "is no number"},
        nothing | {"given": "?", "missing": True},
    ]
    assert result.exit_code == 1
    (refused,) = json.loads(slipway("parse", "shop", "labels", "sold", "5", "--json").output)
    assert "csv.true" in refused["hint"]


@pytest.mark.parametrize(
    ("given", "column", "value", "status", "read"),
    [
        ("integer", "id", "18446744073709551615", 0, "18446744073709551615"),
        ("integer", "price", "9007199254740993", 1, "refused: is an integer beyond 2^53"),
        ("float", "id", "7.0", 1, "refused: is a number with a fraction part, not a text"),
        ("float", "pieces", "7.0", 0, "7"),
        ("float", "price", "nan", 0, "missing"),
        ("float", "price", "-0.0", 0, "0.0"),
        ("decimal", "id", "9007199254740993", 0, "9007199254740993"),
        ("boolean", "new", "true", 0, "true"),
        ("boolean", "price", "true", 1, "refused: is a boolean, not a number"),
        ("bytes", "id", "ff", 1, "refused: has bytes that are no UTF-8"),
        ("text", "new", "TRUE", 0, "true"),
        ("integer", "pieces", "x", 2, ""),
        ("boolean", "new", "TRUE", 2, ""),
        ("decimal", "price", "x", 2, ""),
    ],
)
def test_a_value_may_have_a_type_of_its_own(
    german: Container, *, given: str, column: str, value: str, status: int, read: str
) -> None:
    """As in a Parquet file or a request; a value that is none of that type is a usage error."""
    del german
    result = slipway("parse", "shop", "features", column, value, "--type", given)
    assert result.exit_code == status
    assert result.stdout.startswith(read)


def test_an_unknown_column_is_answered_with_those_of_the_stream(container: Container) -> None:
    """And an unknown dataset with the datasets."""
    del container
    result = slipway("parse", "shop", "features", "prise", "1")
    assert (result.exit_code, "did you mean 'price'?" in result.stderr) == (1, True)
    result = slipway("parse", "shp", "features", "price", "1")
    assert (result.exit_code, "did you mean 'shop'?" in result.stderr) == (1, True)
    assert slipway("parse", "shop", "nothing", "price", "1").exit_code == 2


@pytest.mark.parametrize(
    "text", ["now", "today", "2024", "2024-03", "2013-W18-3", "20240305", "NA", "", "24-1-1"]
)
def test_times_on_the_command_line_are_read_as_those_of_deliveries(
    container: Container, text: str
) -> None:
    """What a timestamp column refuses, `ledger as-of` refuses with the same reason."""
    del container
    result = slipway("ledger", "as-of", text)
    assert result.exit_code == 2
    try:
        reason = "means a missing value" if PARSERS["timestamp"](text, PLAIN) is None else "?"
    except BadValue as error:
        reason = error.reason
    assert reason in result.stderr


@pytest.mark.parametrize("text", ["2024-03-05", "2024-03-05 06:07:08 UTC", "2024-03-05T06:07+01"])
def test_plain_times_on_the_command_line_are_taken(container: Container, text: str) -> None:
    """A day, a time with a zone, and an offset."""
    del container
    assert slipway("ledger", "as-of", text).exit_code == 0


def test_the_small_dataset_has_no_dialect(container: Container) -> None:
    """Without `csv` a point is the decimal mark."""
    del container
    assert "csv" not in FILES["datasets/shop/dataset.yaml"]
    assert slipway("parse", "shop", "features", "price", "1.5").output == "1.5\n"
    assert "`csv: {decimal:" in slipway("parse", "shop", "features", "price", "1,5").output
