"""Numbers as people write them: with a unit, with marks of their own, in parentheses."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from slipway.spec import Column, DatasetSpec
from slipway.spec.csv import Csv, text_format
from slipway.stages.ingest.redelivery import marks_of
from slipway.values.arrays import cast_array
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.v2_tensors import BadTensor, read_cells
from slipway.values.value_types import ColumnType
from tests.support.ingest_env import IngestEnv, dataset_spec

DOLLARS = TextFormat(unit="$", thousands=",", parentheses=True)
EUROS = TextFormat(unit="\u20ac", decimal=",", thousands=".")
PERCENT = TextFormat(unit="%")
RUPEES = TextFormat(unit="Rs")
SWISS = TextFormat(unit="CHF", thousands="'")
SPACED = TextFormat(unit="kr.", decimal=",", thousands=" ")
FORMATS = [DOLLARS, EUROS, PERCENT, RUPEES, SWISS, SPACED]


@pytest.mark.parametrize(
    ("text", "fmt", "value"),
    [
        ("$5.20", DOLLARS, 5.2),
        ("$ 1,234.50", DOLLARS, 1234.5),
        ("-$5", DOLLARS, -5.0),
        ("$-5", DOLLARS, -5.0),
        ("5 $", DOLLARS, 5.0),
        ("5.20", DOLLARS, 5.2),
        ("$.50", DOLLARS, 0.5),
        ("(1,200)", DOLLARS, -1200.0),
        ("($1,200)", DOLLARS, -1200.0),
        ("$(1,200.5)", DOLLARS, -1200.5),
        (" $ 7 ", DOLLARS, 7.0),
        ("NA", DOLLARS, None),
        ("\u20ac 1.234,50", EUROS, 1234.5),
        ("1.234,50\u00a0\u20ac", EUROS, 1234.5),
        ("12 %", PERCENT, 12.0),
        ("5%", PERCENT, 5.0),
        ("-0%", PERCENT, 0.0),
        ("CHF 1'234'567.05", SWISS, 1234567.05),
        ("1 234,5 kr.", SPACED, 1234.5),
    ],
)
def test_a_number_is_read_without_its_unit(text: str, fmt: TextFormat, value: float | None) -> None:
    """On either side, with or without a blank; 5% stays 5."""
    assert parse(text, "number", fmt) == value


@pytest.mark.parametrize(
    ("text", "fmt", "reason", "hint"),
    [
        ("\u20ac5", DOLLARS, "is no number with the unit `$`", "convert the others"),
        ("5 USD", DOLLARS, "is no number with the unit `$`", "convert the others"),
        ("$5$", DOLLARS, "is no number with the unit `$`", "once in each text"),
        ("(5)", PERCENT, "has parentheses around a number", "`negative: parentheses`"),
        ("($5)", PLAIN, "has parentheses around a number", "`negative: parentheses`"),
        ("(-5)", DOLLARS, "is no number", None),
        ("$5.20", PLAIN, "is no number", "the column's `unit`"),
        ("-$5.20", PLAIN, "is no number", "the column's `unit`"),
        ("12\u00a0%", PLAIN, "is no number", "the column's `unit`"),
        ("Rs.500", RUPEES, "is no number with the unit `Rs`", "once in each text"),
        ("-$-5", DOLLARS, "has another sign than one `-` or `+` before its digits", "U+002D"),
        ("$12,34", DOLLARS, "has a comma where a decimal point is expected", "decimal"),
        ("$", DOLLARS, "is no number", None),
        ("$NA", DOLLARS, "is no number", None),
        ("()", DOLLARS, "is no number", None),
        ("\u20ac 1.5", EUROS, "has a point, where `,` is the decimal mark", "points do not"),
    ],
)
def test_a_number_with_something_else_is_refused_exactly(
    text: str, fmt: TextFormat, reason: str, hint: str | None
) -> None:
    """The reason names the declared unit, never the value."""
    with pytest.raises(BadValue) as refused:
        parse(text, "number", fmt)
    assert refused.value.reason == reason
    assert (refused.value.hint is None) == (hint is None)
    assert (hint or "") in (refused.value.hint or "")


_NUMBERS = st.from_regex(r"\A[0-9]{1,3}([.,' ][0-9]{3}){0,2}([.,][0-9]{1,3})?\Z")
_BESIDE = st.sampled_from(
    ["", "$", "$ ", "-", "-$", "$-", "(", "($", "Rs", "Rs.", "kr. ", "CHF ", "+"]
)
_BEHIND = st.sampled_from(
    ["", "%", " %", " \u20ac", "\u00a0\u20ac", ")", "%)", "kr.", " kr.", "$", " "]
)
_WRITTEN = st.builds(lambda a, b, c: a + b + c, _BESIDE, _NUMBERS, _BEHIND)
_KINDS: list[ColumnType] = ["integer", "number"]


@example(["-$ 5", "$5$", "- $5", "5 $ "], DOLLARS, "number")
@example(["0,500", "1,23", "1234,567", "12,345,678,901,234"], DOLLARS, "integer")
@example(["-0", "9" * 16, "1e3", ".5", "5."], DOLLARS, "number")
@given(
    st.lists(st.none() | _WRITTEN | st.text("0123456789$%.,() -Rs", max_size=9)),
    st.sampled_from(FORMATS),
    st.sampled_from(_KINDS),
)
def test_columns_of_written_numbers_are_cast_as_their_cells_are_parsed(
    texts: list[str | None], fmt: TextFormat, kind: ColumnType
) -> None:
    """The kernels decide nothing otherwise than the one definition."""
    found = cast_array(pa.array(texts, pa.string()), kind, fmt)
    seen = [repr(one) for one in found.values.to_pylist()]
    for refusal in found.refused:
        for row in refusal.rows:
            seen[row] = refusal.reason
    assert seen == [_parsed(text, kind, fmt) for text in texts]


def _parsed(text: str | None, kind: ColumnType, fmt: TextFormat) -> str:
    try:
        return repr(parse(text, kind, fmt))
    except BadValue as error:
        return error.reason


def test_a_column_has_marks_of_its_own_beside_those_of_the_files() -> None:
    """The dialect's marks hold where it has none; the same mark has one meaning."""
    csv = Csv(delimiter=";", decimal=",", thousands=".")
    plain = text_format(csv, Column(type="number"))
    own = text_format(csv, Column(type="number", decimal=".", unit="$"))
    assert (plain.decimal, plain.thousands, plain.unit) == (",", ".", None)
    assert (own.decimal, own.thousands, own.unit) == (".", None, "$")
    assert parse("$1.5", "number", own) == 1.5


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "string", "unit": "$"}, "is of columns of numbers"),
        ({"type": "timestamp", "thousands": ","}, "is of columns of numbers"),
        ({"type": "boolean", "negative": "parentheses"}, "is of columns of numbers"),
        ({"type": "number", "unit": "5"}, "without digits, signs and parentheses"),
        ({"type": "number", "unit": " $"}, "without blanks around them"),
        ({"type": "number", "unit": ""}, "up to 12 characters"),
        ({"type": "number", "thousands": "."}, "must differ from the decimal mark"),
        ({"type": "number", "thousands": ",", "unit": "a,b"}, "that is no mark inside numbers"),
        ({"type": "number", "unit": "."}, "that is no mark inside numbers"),
    ],
)
def test_marks_that_no_column_can_have_are_refused(column: dict[str, Any], message: str) -> None:
    """The error says what was expected."""
    given = dataset_spec(expectations={}).model_dump(mode="python", by_alias=True)
    given["streams"]["features"]["columns"]["miles"] = column
    with pytest.raises(ValidationError, match=message):
        DatasetSpec.model_validate(given)


def _with_miles(**fields: Any) -> DatasetSpec:
    spec = dataset_spec(expectations={})
    features = spec.streams.features
    columns = {**features.columns, "miles": Column(type="number", **fields)}
    changed = features.model_copy(update={"columns": columns})
    streams = spec.streams.model_copy(update={"features": changed})
    return spec.model_copy(update={"streams": streams})


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_delivery_is_read_with_the_units_of_its_columns(name: str) -> None:
    """As texts of any format; a bad cell is a bad row with a reason."""
    texts = ["$1,234.50", "(7)", "8", "\u20ac9"]
    if name == "x.csv":
        rows = "".join(f'k{at},2013-05-01,"{text}"\n' for at, text in enumerate(texts))
        data = f"id,at,miles\n{rows}"
    else:
        data = "".join(
            f'{{"id": "k{at}", "at": "2013-05-01", "miles": "{text}"}}\n'
            for at, text in enumerate(texts)
        )
    env = IngestEnv(spec=_with_miles(unit="$", thousands=",", negative="parentheses"))
    verdict = env.deliver(f"features/{name}", data.encode())
    assert env.rows() == {"k0": 1234.5, "k1": -7.0, "k2": 8.0}
    assert env.packed(verdict.evidence["quarantine"])["_reason"].tolist() == [
        "miles is no number with the unit `$`"
    ]


def test_another_unit_reads_the_same_file_again() -> None:
    """Registrations of columns without marks of their own stay as they were."""
    plain = marks_of(_with_miles(), "features")
    assert plain == marks_of(_with_miles(unit=None), "features")
    assert plain["columns"] != marks_of(_with_miles(thousands=","), "features")["columns"]


def test_a_request_has_the_number_alone() -> None:
    """A client speaks to a model, and no file's dialect counts there: 5 is what 5% was."""
    assert read_cells([5.2, 5], "FP64", "number") == [5.2, 5.0]
    assert read_cells(["5.2"], "BYTES", "number") == [5.2]
    for text in ("5%", "$5.20", "1,234", "(5)"):
        with pytest.raises(BadTensor) as refused:
            read_cells([text], "BYTES", "number")
        assert "no unit" in refused.value.expected
