"""A value is the same, or refused for the same reason, in every format that can express it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest

from slipway.values.value_types import ColumnType
from tests.support.value_formats import (
    MISSING,
    Sample,
    boolean,
    int96,
    integer,
    number,
    surrogate_verdicts,
    text,
    verdicts,
)

KINDS: tuple[ColumnType, ...] = get_args(ColumnType)
TABLE = Path(__file__).with_name("values_by_format.md")
DATASET = """\
dataset: values
key: id
event_time: at
streams:
  features:
    columns:
      id: {type: string}
      at: {type: timestamp}
      string: {type: string}
      integer: {type: integer}
      number: {type: number}
      boolean: {type: boolean}
      timestamp: {type: timestamp}
  labels:
    columns:
      id: {type: string}
      late: {type: boolean}
"""
TEXTS = {
    "empty": "",
    "empty but for a blank": " ",
    "zeros in front": "007",
    "a plus": "+7",
    "one": "1",
    "a whole number with a point": "7.0",
    "a fraction": "7.5",
    "an exponent": "1e3",
    "2^53": str(2**53),
    "2^53 + 1": str(2**53 + 1),
    "2^53 - 1": str(2**53 - 1),
    "2^63 - 1": str(2**63 - 1),
    "2^63": str(2**63),
    "-2^63": str(-(2**63)),
    "2^64 - 1": str(2**64 - 1),
    "38 digits": "9" * 38,
    "-3.4e38": "-3.4e38",
    "3.4e38": "3.4e38",
    "1e30": "1e30",
    "1e39": "1e39",
    "NaN": "NaN",
    "minus zero": "-0.0",
    "infinity": "inf",
    "now": "now",
    "today": "today",
    "a year": "2024",
    "a month": "2024-03",
    "a week date": "2013-W18-3",
    "a date": "2013-05-01",
    "a date without marks": "20130501",
    "an offset": "2013-05-01T14:00:00+02:00",
    "a short offset": "2013-05-01 14:00:00.25+02",
    "UTC as a word": "2013-05-01 12:00:00 UTC",
    "an offset that leaves the years": "0001-01-01T00:00:00+14:00",
    "the last moment": "9999-12-31T23:59:59.999999Z",
    "a leap second": "2016-12-31T23:59:60Z",
    "no day": "2013-02-30",
    "TRUE": "TRUE",
    "false": "false",
    "yes": "yes",
    "U+00E9": "caf\u00e9",
    "U+0065 U+0301": "cafe\u0301",
    "a no-break space": "7\u00a0",
    "blanks around": " 7 ",
    "Arabic digits": "\u0667",
    "a question mark": "?",
    "NA": "NA",
    "a decimal comma": "7,5",
}
INTEGERS = {
    "zero": 0,
    "one": 1,
    "seven": 7,
    "2^53": 2**53,
    "2^53 + 1": 2**53 + 1,
    "2^53 - 1": 2**53 - 1,
    "-2^53 - 1": -(2**53) - 1,
    "2^60": 2**60,
    "2^63 - 1": 2**63 - 1,
    "2^63": 2**63,
    "-2^63": -(2**63),
    "2^64 - 1": 2**64 - 1,
    "38 digits": int("9" * 38),
}
NUMBERS = {
    "one": 1.0,
    "seven": 7.0,
    "a fraction": 7.5,
    "2^53": 2.0**53,
    "2^53 + 2": 2.0**53 + 2,
    "1e30": 1e30,
    "above 1e30": 1.0000000000000002e30,
    "-3.4e38": -3.4e38,
    "3.4e38": 3.4e38,
    "1e39": 1e39,
    "NaN": float("nan"),
    "minus zero": -0.0,
    "infinity": float("inf"),
}
SAMPLES: tuple[Sample, ...] = (
    *(text(name, value) for name, value in TEXTS.items()),
    *(integer(name, value) for name, value in INTEGERS.items()),
    *(number(name, value) for name, value in NUMBERS.items()),
    *(boolean(str(value).lower(), value=value) for value in (True, False)),
)
Found = Mapping[ColumnType, list[dict[str, str]]]


@pytest.fixture
def found(
    project: Callable[[Mapping[str, str]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Found:
    """Verdicts on every sample, by declared type and format."""
    root = project({"datasets/values/dataset.yaml": DATASET})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    return {kind: verdicts(SAMPLES, kind, tmp_path) for kind in KINDS}


def test_every_format_gives_a_value_one_verdict(found: Found) -> None:
    """One canonical text or one reason, in CSV, Parquet, JSON Lines, V2 (three) and the CLI.

    The verdicts are kept in a table beside this file; a change of one is a change of the table.
    """
    different = {
        (kind, sample.form, sample.name): verdict
        for kind, by_sample in found.items()
        for sample, verdict in zip(SAMPLES, by_sample, strict=True)
        if len(set(verdict.values())) != 1
    }
    assert different == {}
    table = rendered(found)
    assert table == TABLE.read_text(), table


def rendered(found: Found) -> str:
    """The verdicts as a table in Markdown."""
    head = ["Value", "Form", *KINDS, "Formats"]
    lines = [
        "# Verdict on each value, by declared type",
        "",
        _line(head),
        _line(["---"] * len(head)),
    ]
    for place, sample in enumerate(SAMPLES):
        by_kind = [shown(next(iter(found[kind][place].values()))) for kind in KINDS]
        lines.append(_line([sample.name, sample.form, *by_kind, str(len(found["string"][place]))]))
    return "\n".join(lines) + "\n"


def shown(verdict: str) -> str:
    """A verdict in a cell: texts as code, with escapes for what cannot be told apart by eye."""
    if verdict == MISSING or verdict.startswith("refused: "):
        return verdict
    return f"`{verdict.encode('unicode_escape').decode()}`"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def test_a_value_has_one_identity_whatever_its_form(found: Found) -> None:
    """A number as a text, as an integer and as a float is one value, wherever each is taken."""
    forms: dict[tuple[ColumnType, float], set[str]] = {}
    for kind, by_sample in found.items():
        for sample, verdict in zip(SAMPLES, by_sample, strict=True):
            [told] = set(verdict.values())
            if sample.form in {"integer", "float"} and not told.startswith("refused"):
                forms.setdefault((kind, sample.value), set()).add(told)
    assert {key: told for key, told in forms.items() if len(told) != 1} == {}


@pytest.mark.parametrize("moment", ["1000-01-01", "1677-09-21", "2013-05-01", "9999-12-31"])
def test_a_time_of_int96_is_the_same_time(moment: str, tmp_path: Path) -> None:
    """Also beyond the years 1677 to 2262, which nanoseconds of 64 bits hold."""
    time = datetime.fromisoformat(moment)
    assert int96(time, "timestamp", tmp_path) == f"{moment}T00:00:00+00:00"


def test_half_a_surrogate_pair_is_a_text_nowhere(found: Found, tmp_path: Path) -> None:
    """JSON refuses it as a request or a line, and bytes that encode it are no UTF-8."""
    del found
    told = surrogate_verdicts(tmp_path)
    assert len(told) == 6
    assert {name: one for name, one in told.items() if not one.startswith("refused")} == {}
