"""Guesses of `slipway new`, one by one: dialects, types of texts, marks and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.bounds import expected_of_features
from slipway.stages.profile.column_types import Texts, TypeGuess, guess_type
from slipway.stages.profile.dialect import guess_dialect
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import slug, words
from slipway.stages.profile.personal_data import personal_data
from slipway.stages.profile.sentinels import find_sentinel
from slipway.stages.profile.spellings import Spelling, guess_spelling
from slipway.stages.profile.target import guess_task


def column(values: Sequence[Any], *, name: str = "c", kind: str = "string") -> Column:
    """A column of some values."""
    guess = TypeGuess(kind, "")  # type: ignore[arg-type]
    return Column(name, 0, guess, pd.Series(list(values)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n3,4\n", (",", '"', 0, True)),
        ("a;b\n1,5;2\n3,5;4\n", (";", '"', 0, True)),
        ("a\tb\n1\tx y\n3\tz, w\n", ("\t", '"', 0, True)),
        ("a|b|c\n1|2|3\n", ("|", '"', 0, True)),
        ("'a','b'\n'1,0','2'\n'3','4'\n", (",", "'", 0, True)),
        ('"a","b"\n"x, y","2"\n"z","4"\n', (",", '"', 0, True)),
        ("Report of May\n\na,b,c\n1,2,3\n4,5,6\n", (",", '"', 2, True)),
        ("sep=;\na;b;c\n1;2;3\n4;5;6\n", (";", '"', 1, True)),
        ("5.1,3.5,setosa\n4.9,3.0,virginica\n", (",", '"', 0, False)),
        ("M,red,yes\nF,blue,no\nM,blue,no\nF,red,yes\n", (",", '"', 0, False)),
        ("sex,colour,sold\nM,red,yes\nF,blue,no\nM,blue,no\n", (",", '"', 0, True)),
        ("store,2019,2020,2021,2022\na,1,2,3,4\nb,5,6,7,8\n", (",", '"', 0, False)),
        ("name,remark\nx,it's late\ny,it isn't\n", (",", '"', 0, True)),
        ('id,"size\nin m",sold\n1,2.5,yes\n2,3.5,no\n', (",", '"', 0, True)),
        ('"Report\nof May"\n\na,"b\n\nc",d\n1,2,3\n4,5,6\n', (",", '"', 3, True)),
        ('Sizes of 5" disks\na,"b\r\nc",d\n1,2,3\n4,5,6\n', (",", '"', 1, True)),
        (
            '"name","lived","sex"\n"Allen, Miss. A","yes","f"\n"O\'Hara, Mr. B","no","m"\n',
            (",", '"', 0, True),
        ),
    ],
)
def test_the_dialect_is_that_under_which_lines_are_a_table(
    text: str, expected: tuple[str, str, int, bool]
) -> None:
    """Delimiter, quote, lines before the table, and whether it has a header."""
    found = guess_dialect(text.encode())
    assert (found.delimiter, found.quote, found.skip_lines, found.has_header) == expected


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("utf-16", "utf-16")],
)
def test_the_encoding_is_told_by_its_bytes(encoding: str, expected: str) -> None:
    """Marks first, then whether it is UTF-8."""
    assert guess_dialect("größe,b\n1,ä\n2,€\n".encode(encoding)).encoding == expected


def test_a_head_that_is_cut_within_a_character_is_utf8() -> None:
    """The last line is not looked at, nor is half a character at its end."""
    head = "a,b\n1,ä\n2,ä".encode()[:-1]
    assert guess_dialect(head).encoding == "utf-8"


@pytest.mark.parametrize(
    ("texts", "delimiter", "expected"),
    [
        (["1.5", "2.5"], ",", Spelling(".", None)),
        (["1,5", "2,25"], ";", Spelling(",", None)),
        (["1.234,5", "2,25"], ";", Spelling(",", ".")),
        (["1,234", "12,345,678"], ";", Spelling(".", ",")),
        (["1,234.50", "900.00"], ",", Spelling(".", ",")),
        (["a, b", "c"], ";", Spelling(".", None)),
    ],
)
def test_the_decimal_mark_is_that_of_most_numbers(
    texts: list[str], delimiter: str, expected: Spelling
) -> None:
    """Groups of three digits tell a separator of thousands."""
    assert guess_spelling({"c": texts}, delimiter=delimiter) == expected


@pytest.mark.parametrize(
    ("name", "texts", "expected", "marks"),
    [
        ("n", ["1", "2", "3"], "integer", ()),
        ("n", ["1.0", "2.5", "3"], "number", ()),
        ("n", ["1e3", "2", "-4"], "number", ()),
        ("zip", ["01234", "12345"], "string", ()),
        ("b", ["True", "False"], "boolean", ()),
        ("b", ["0", "1"], "integer", ()),
        ("n", ["1", "?", "3", "4"], "integer", ("?",)),
        ("n", ["1", "-", "3.5", "NA"], "number", ("-",)),
        ("c", ["red", "NA", "blue"], "string", ("NA",)),
        ("c", ["None", "Pave", "Grvl"], "string", ()),
        ("c", ["1", "2", "three", "four"], "string", ()),
        ("price", ["$1", "$2"], "integer", ()),
        ("t", ["2024-01-01", "2024-01-02"], "timestamp", ()),
        ("t", ["2024-01-01T10:00:00+02:00", "2024-01-02T10:00:00Z"], "timestamp", ()),
        ("created", ["1700000000", "1700000100"], "timestamp", ()),
        ("amount", ["1700000000", "1700000100"], "integer", ()),
        ("n", ["", " "], "string", ()),
        ("version", ["1.2.3", "1.10.0"], "string", ()),
    ],
)
def test_the_type_is_the_narrowest_that_texts_have(
    name: str, texts: list[str], expected: str, marks: tuple[str, ...]
) -> None:
    """Marks of missing values are found among numbers, and words such as NA among texts."""
    guess = guess_type(name, Texts(dict.fromkeys(texts, 1)))
    assert (guess.type, guess.marks) == (expected, marks)


def test_few_bad_cells_change_no_type() -> None:
    """They are bad rows; many of them are texts."""
    numbers = {str(one): 1 for one in range(1000)}
    guess = guess_type("n", Texts({**numbers, "12 kg": 1, "n/k": 1}))
    assert guess.type == "integer"
    assert 0 < guess.refused < 0.005
    words_too = {f"w{one}": 1 for one in range(50)}
    assert guess_type("n", Texts({**numbers, **words_too})).type == "string"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0, 2.5] * 50 + [-200.0] * 5, -200),
        ([1.0, 2.0, 3.0, 2.5] * 50 + [99999.0] * 5, 99999),
        ([1.0, 2.0, 3.0, 2.5] * 50 + [-200.0], None),
        ([1.0, 2.0, 3.0, 2.5] * 50 + [-201.0] * 5, None),
        ([float(one) for one in range(-300, 900)] + [999.0] * 9, None),
        ([], None),
    ],
)
def test_a_sentinel_is_repeated_and_far_away(values: list[float], expected: int | None) -> None:
    """One number that people choose, and no other extreme one."""
    assert find_sentinel(np.array(values)) == expected


@pytest.mark.parametrize(
    ("name", "texts", "what"),
    [
        ("E-Mail", ["x"] * 3 + ["y", "z"] * 40, None),
        ("customer_email", [f"u{one}@a.org" for one in range(30)], "e-mail addresses"),
        ("c", [f"u{one}@a.org" for one in range(30)], "e-mail addresses"),
        ("c", ["+49 170 1234567", "(555) 123-4567"], "phone numbers"),
        ("c", ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"], "bank accounts"),
        ("c", ["DE89370400440532013001", "GB29NWBK60161331926818"], None),
        ("c", ["192.168.0.1", "10.0.0.7"], "network addresses"),
        ("c", ["12 Main Street", "7 Oak Avenue"], "addresses"),
        ("c", ["Hauptstraße 5", "Am Weg 17"], "addresses"),
        ("Name", ["Braund, Mr. Owen", "Heikkinen, Miss. Laina"], "names"),
        ("name", [f"Person {one}" for one in range(30)], "names"),
        ("name", ["north", "south"] * 30, None),
        ("product_name", [f"Product {one}" for one in range(30)], None),
    ],
)
def test_personal_data_are_told_by_name_and_shape(
    name: str, texts: list[str], what: str | None
) -> None:
    """A name alone is no proof where a few values repeat."""
    found = personal_data(column(texts, name=name))
    assert (found is None) == (what is None)
    assert found is None or found.startswith(f"{what}, by")


@pytest.mark.parametrize(
    ("values", "kind", "task"),
    [
        ([0, 1] * 20, "integer", "classification"),
        ([1, 2] * 20, "integer", "classification"),
        (["a", "b", "c"] * 20, "string", "multiclass"),
        ([0, 1, 2] * 20, "integer", "multiclass"),
        ([1.5, 2.5, 9.0] * 20, "number", "regression"),
        (list(range(40)), "integer", "regression"),
        (["a"] * 20, "string", None),
        ([f"text {one}" for one in range(40)], "string", None),
    ],
)
def test_the_task_follows_from_the_values(values: list[Any], kind: str, task: str | None) -> None:
    """Two, several that repeat, or numbers."""
    found = guess_task(column(values, kind=kind))
    assert (found and found.task) == task


def test_whole_numbers_are_classes_or_quantities_by_their_name() -> None:
    """Few values alone tell neither."""
    values = [3, 4, 5, 6, 7, 8] * 20
    names = {"quality": "regression", "class": "multiclass", "level": "multiclass"}
    for name, task in names.items():
        found = guess_task(column(values, name=name, kind="integer"))
        assert found is not None
        assert found.task == task


def test_bounds_leave_room_and_whole_numbers_have_whole_ones() -> None:
    """As much again on each side; nothing below zero where zero is the least."""
    counted = column([0, 3, 7, 7], name="n", kind="integer")
    [bounds, _] = expected_of_features([counted])
    assert bounds.kwargs == {"column": "n", "min_value": 0, "max_value": 14}
    warm = column([-3.5, 20.0, 31.5], name="t", kind="number")
    [bounds, _] = expected_of_features([warm])
    assert bounds.kwargs["min_value"] <= -38.5
    assert bounds.kwargs["max_value"] >= 66.5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Telco-Customer.2024", "telco_customer_2024"),
        ("2013 flights", "data_2013_flights"),
        ("é", "data_e"),
        ("город", "data"),
        ("städte", "stadte"),
        ("Größe (m²)", "grosse_m2"),
        ("Ångström Œuvre", "angstrom_oeuvre"),
        ("x", "data_x"),
        ("a" * 99, "a" * 48),
    ],
)
def test_names_become_names_of_specs(name: str, expected: str) -> None:
    """Lower-case words joined by `_`, without accents."""
    assert slug(name) == expected


def test_words_of_a_name_are_found_in_every_spelling() -> None:
    """Underscores, blanks and capitals part them."""
    names = ("customerID", "customer_id", "Customer Id", "customer-ID")
    assert {words(name) for name in names} == {("customer", "id")}
