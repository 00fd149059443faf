"""The dialect of CSV files in a dataset's spec, and forms and zones of its timestamps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from slipway.spec import Column
from slipway.spec.csv import Csv, text_format
from slipway.spec.folders import read_dataset
from slipway.values.parse import parse
from tests.support.small_specs import DATASET


def test_a_spec_without_csv_has_the_plain_dialect() -> None:
    """Commas, UTF-8, points and double quotes; a tab in files that say so by their name."""
    csv = Csv()
    assert (csv.encoding, csv.decimal, csv.thousands, csv.quote) == ("utf-8", ".", None, '"')
    suffixes = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
    assert [csv.delimiter_of(suffix) for suffix in suffixes] == [",", ",", "\t", "\t"]
    assert Csv(delimiter=";").delimiter_of(".tsv") == "\t"


def test_texts_are_spelt_as_the_dialect_and_the_column_say() -> None:
    """Every setting reaches the parser of values."""
    csv = Csv(decimal=",", thousands=".", missing=["?"], true=["Ja"], false=["Nein"])
    number = text_format(csv, Column(type="number"))
    assert parse("1.234,5", "number", number) == 1234.5
    assert parse("?", "string", text_format(csv, Column(type="string"))) is None
    boolean = text_format(csv, Column(type="boolean"))
    assert [parse(text, "boolean", boolean) for text in ("JA", "nein")] == [True, False]
    local = Column(type="timestamp", format="%d.%m.%Y %H:%M", timezone="Europe/Berlin")
    time = parse("21.05.2013 16:00", "timestamp", text_format(csv, local))
    assert str(time) == "2013-05-21 14:00:00+00:00"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delimiter": "tab"}, "one ASCII character"),
        ({"delimiter": "§"}, "one ASCII character"),
        ({"delimiter": "\n"}, "one ASCII character"),
        ({"quote": ";", "delimiter": ";"}, "must differ from delimiter"),
        ({"thousands": "."}, "must differ from decimal"),
        ({"decimal": "1"}, "one character"),
        ({"encoding": "latin-9000"}, "an encoding that Python knows"),
        ({"encoding": "base64"}, "an encoding that Python knows"),
        ({"encoding": "unicode_escape"}, "an encoding that Python knows"),
        ({"missing": [-999]}, "must be text"),
        ({"missing": [None]}, "must be text"),
        ({"true": ["x"], "false": ["X"]}, "'x' means true already"),
        ({"true": ["2"], "false": ["1"]}, "'1' means true already"),
        ({"true": ["0"]}, "'0' means false already"),
        ({"true": ["ja"], "missing": ["Ja"]}, "'ja' means missing already"),
        ({"false": ["None"]}, "'none' means missing already"),
        ({"true": [""]}, "'' means missing already"),
        ({"delimiter": ",", "decimal": ","}, "must differ from decimal, which is ','"),
        ({"delimiter": "."}, "must differ from decimal, which is '.'"),
        ({"quote": "'", "thousands": "'"}, "must differ from delimiter, decimal and thousands"),
        ({"quote": None, "decimal": ","}, "encloses no cell"),
        ({"quote": None, "delimiter": ";", "decimal": ",", "thousands": ";"}, "encloses no cell"),
        ({"skip_lines": -1}, "greater than or equal to 0"),
        ({"seperator": ";"}, "Extra inputs"),
    ],
)
def test_a_dialect_that_no_file_can_have_is_refused(given: dict[str, Any], message: str) -> None:
    """The error says what was expected."""
    with pytest.raises(ValidationError, match=message):
        Csv.model_validate(given)


@pytest.mark.parametrize(
    "given",
    [
        {"thousands": ","},
        {"delimiter": ",", "thousands": ","},
        {"decimal": ","},
        {"delimiter": ";", "decimal": ",", "thousands": ".", "quote": None},
        {"quote": "'"},
        {"true": [" Ja "], "false": ["-"], "missing": ["--"]},
    ],
)
def test_a_dialect_that_files_have_is_taken(given: dict[str, Any]) -> None:
    """Enclosed numbers may hold the delimiter."""
    csv = Csv.model_validate(given)
    assert "ja" in text_format(csv, Column(type="boolean")).true or not csv.true


def test_conflicts_of_a_dialect_have_their_line(tmp_path: Path) -> None:
    """Each names the field that has to change, with a hint."""
    folder = tmp_path / "include" / "datasets" / "shop"
    folder.mkdir(parents=True)
    dialects = {
        "csv:\n  delimiter: ','\n  decimal: ','\n": (16, "csv.delimiter"),
        "csv:\n  decimal: ','\n  thousands: ','\n": (17, "csv.thousands"),
        "csv:\n  missing: [k.A.]\n  true: [ja, K.A.]\n": (17, "csv.true.1"),
        "csv:\n  delimiter: ';'\n  quote: ';'\n": (17, "csv.quote"),
    }
    for dialect, place in dialects.items():
        (folder / "dataset.yaml").write_text(DATASET + dialect)
        (problem,) = read_dataset(folder).problems
        assert (problem.line, problem.field) == place
        assert problem.hint is not None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "timestamp", "format": "%H:%M"}, "with a year"),
        ({"type": "timestamp", "format": "dd.mm.yyyy"}, "with a year"),
        ({"type": "timestamp", "format": "%Y-%m-%d %Z"}, "read by the clock of the machine"),
        ({"type": "timestamp", "format": "epoch_second"}, "with a year"),
        ({"type": "timestamp", "format": "%d.%d.%Y"}, "with a year"),
        ({"type": "timestamp", "format": " %Y-%m-%d"}, "with a year"),
        ({"type": "timestamp", "format": "%d.%M.%Y %H:%m"}, "read as the other"),
        ({"type": "timestamp", "format": "%Y%M%d%H%m"}, "read as the other"),
        ({"type": "timestamp", "format": "%Y-%M-%d %H.%m"}, "read as the other"),
        ({"type": "timestamp", "format": "%Y %H:%M"}, "read back as others"),
        ({"type": "timestamp", "format": "%d.%Y"}, "read back as others"),
        ({"type": "timestamp", "format": "%d.%M.%Y"}, "read back as others"),
        ({"type": "timestamp", "format": "%Y-%m-%d %M:%S"}, "read back as others"),
        ({"type": "timestamp", "format": "%d.%m.%Y %I:%M"}, "%I without %p"),
        ({"type": "timestamp", "timezone": "Europe/Berlim"}, "an IANA time zone"),
        ({"type": "timestamp", "timezone": "../zone"}, "an IANA time zone"),
        ({"type": "string", "format": "%Y-%m-%d"}, "is of timestamp columns"),
        ({"type": "number", "timezone": "UTC"}, "is of timestamp columns"),
        (
            {"type": "timestamp", "format": "epoch_seconds", "timezone": "Europe/Berlin"},
            "has no time zone",
        ),
    ],
)
def test_a_form_that_no_time_can_have_is_refused(given: dict[str, Any], message: str) -> None:
    """The error says what was expected."""
    with pytest.raises(ValidationError, match=message):
        Column.model_validate(given)


@pytest.mark.parametrize(
    "form",
    [
        *("%Y-%m", "%d.%m.%y", "%Y-%m-%dT%H:%M:%S%z", "%G-W%V-%u", "%Y %%Z", "epoch_milliseconds"),
        *("%Y-%j %H", "%x %X", "%c", "%d %b %Y %I:%M %p", "%Y%m%d%H%M%S", "%H:%M.%d.%m.%Y"),
    ],
)
def test_a_form_with_a_year_is_taken(form: str) -> None:
    """Months, ISO weeks and offsets can be spelt out."""
    assert Column(type="timestamp", format=form).format == form


def test_words_of_yaml_are_texts_of_the_file(tmp_path: Path) -> None:
    """`yes`, `no` and the field `true` need no quotes; a number does, and the hint says so."""
    folder = tmp_path / "include" / "datasets" / "shop"
    folder.mkdir(parents=True)
    dialect = "csv: {delimiter: ';', true: [yes, y], false: [no, n], missing: [NA, '-999', -99]}\n"
    (folder / "dataset.yaml").write_text(DATASET + dialect)
    (problem,) = read_dataset(folder).problems
    assert str(problem).startswith("include/datasets/shop/dataset.yaml:15: csv.missing.2: must be")
    assert problem.hint == "put it in quotes, as it stands in the file"
