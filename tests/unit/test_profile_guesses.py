"""Guesses of `slipway new`, one by one: dialects, types of texts, marks, names, and bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.spec.training import Training
from slipway.stages.profile.bars import choose_bar, describe_signal
from slipway.stages.profile.bounds import expected_of_features
from slipway.stages.profile.column_types import Texts, TypeGuess, guess_type
from slipway.stages.profile.dialect import guess_dialect
from slipway.stages.profile.gates_of_plan import telling_rows
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import slug, words
from slipway.stages.profile.personal_data import personal_data
from slipway.stages.profile.sentinels import find_sentinel
from slipway.stages.profile.sizes import choose_sizes
from slipway.stages.profile.spellings import Spelling, guess_spelling
from slipway.stages.profile.target import guess_task
from slipway.stages.train.splitting import split_by_time
from slipway.values.figures import in_few_digits, in_figures


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


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "accuracy"])
@pytest.mark.parametrize("rows", [20, 300, 100_000])
@pytest.mark.parametrize("reached", [None, 0.3, 0.51, 0.8, 1.0])
def test_a_bar_can_be_passed_and_refuses_a_constant(
    metric: str, rows: int, reached: float | None
) -> None:
    """It is above what a constant reaches, and not above a quick model that is better."""
    bar = choose_bar(metric, reached=reached, constant=0.5, rows=rows, spread=1.0)
    assert bar.threshold > 0.5
    assert bar.threshold <= (reached if (reached or 0) > 0.5 else 0.6)
    assert bar.drop > 0


@pytest.mark.parametrize("constant", [0.533, 0.5334999, 0.5330001])
@pytest.mark.parametrize("reached", [None, 0.4, 0.53, 0.534, 0.56])
@pytest.mark.parametrize("rows", [36, 400, 20_000])
def test_a_bar_is_above_the_constant_after_rounding(
    constant: float, reached: float | None, rows: int
) -> None:
    """By a slack that depends on the rows, also where the quick model was no better."""
    bar = choose_bar("accuracy", reached=reached, constant=constant, rows=rows, spread=1.0)
    gain = (reached or 0.0) - constant
    slack = 0.1 / rows**0.5 if gain <= 0 else min(0.5 / rows**0.5, gain / 2)
    assert bar.threshold > constant + slack / 2


def test_a_bar_without_a_signal_is_on_the_better_side_and_says_so() -> None:
    """A threshold of 24.5 was worse than the constant's 24.47, which no model needs to beat."""
    bar = choose_bar("mean_absolute_error", reached=24.91, constant=24.47, rows=300, spread=30.0)
    assert 24.0 < bar.threshold < 24.47
    assert describe_signal(bar) == (
        "a constant reaches 24.47 and a quick model 24.91, which is no better: no signal was found"
    )
    near = choose_bar("accuracy", reached=0.9961, constant=0.996, rows=300, spread=1.0)
    assert 0.996 < near.threshold < 1
    assert "hardly better" in describe_signal(near)


def test_a_rare_class_has_few_telling_rows() -> None:
    """Of 1,000 rows with 1 % of class 1 as many as of 40 with two equal classes."""
    assert telling_rows(1000, {"no": 0.99, "yes": 0.01}) == 40
    assert telling_rows(1000, {"no": 0.5, "yes": 0.5}) == 1000
    assert telling_rows(1000, {}) == 1000


@pytest.mark.parametrize(
    ("value", "figures", "digits"),
    [
        (104072.3355, "104,072", "104,072"),
        (24.4712, "24.47", "24.47"),
        (0.73125, "0.7312", "0.7312"),
        (-0.00001, "0.0000", "-1e-05"),
        (0.0, "0.0000", "0"),
        (5.0, "5.0000", "5"),
    ],
)
def test_figures_have_four_digits_and_thousands(value: float, figures: str, digits: str) -> None:
    """Neither `104072.3355` nor `1.008e+05` nor `-0.0000`."""
    assert (in_figures(value), in_few_digits(value)) == (figures, digits)


@pytest.mark.parametrize("reached", [None, 40.0, 99.9, 100.0, 120.0])
def test_an_error_has_its_bar_below_that_of_a_constant(reached: float | None) -> None:
    """The direction is that of the metric."""
    bar = choose_bar("mean_absolute_error", reached=reached, constant=100.0, rows=300, spread=120.0)
    assert min(reached or 90.0, 90.0) < bar.threshold < 100.0


@pytest.mark.parametrize("rows", [30, 150, 1000, 15_000])
@pytest.mark.parametrize("step", [None, "h", "D", "7D", "min"])
def test_numbers_fit_the_volume_and_the_span(rows: int, step: str | None) -> None:
    """This file is enough for a first training, by time or at random."""
    times = None
    if step is not None:
        times = pd.Series(pd.date_range("1900-01-01", periods=rows, freq=step, tz="UTC"))
    sizes = choose_sizes(rows, times, share=1.0, tolerance_days=31)
    held_out = sizes.holdout_rows
    if sizes.split == "time":
        assert times is not None
        newest = times.max() - pd.Timedelta(days=sizes.holdout_days)
        held_out = int((times >= newest).sum())
        assert held_out == pytest.approx(sizes.holdout_rows, abs=2)
    assert sizes.min_holdout_rows <= held_out
    assert sizes.min_rows <= rows - held_out
    assert sizes.min_rows <= max(10, sizes.first_after_labels)
    assert sizes.first_after_labels <= rows
    assert sizes.min_new_labels <= rows


@pytest.mark.parametrize("rows", [150, 2000, 52_000])
@pytest.mark.parametrize("step", ["5min", "h", "D", "3D"])
@pytest.mark.parametrize("share", [1.0, 3.0])
def test_the_first_labels_cover_holdout_and_training_rows(
    rows: int, step: str, share: float
) -> None:
    """Played from the past, a training after that many labels has all rows that it needs."""
    times = pd.Series(pd.date_range("2010-01-01", periods=rows, freq=step, tz="UTC"))
    sizes = choose_sizes(round(rows * share), times, share=share, tolerance_days=31)
    if sizes.split != "time":
        pytest.skip("its days are too few to hold out the newest ones")
    assert sizes.first_after_labels <= rows * share
    arrived = times.head(round(sizes.first_after_labels / share)).to_frame("at")
    training = Training(holdout_days=sizes.holdout_days, min_rows=1)
    parts = split_by_time(arrived, event_time="at", training=training)
    assert round(len(parts.training) * share) >= sizes.min_rows
    assert round(len(parts.holdout) * share) >= sizes.min_holdout_rows


@pytest.mark.parametrize(
    ("times", "window"),
    [
        (pd.date_range("2024-01-01", periods=400 * 30, freq="3min"), "day"),
        (pd.date_range("2024-01-01", periods=400 * 30, freq="9s"), "hour"),
        (pd.date_range("1990-01-01", periods=20, freq="YS").repeat(600), "month"),
        (pd.date_range("2020-01-01", periods=30, freq="MS").repeat(600), "month"),
        (pd.date_range("2020-01-06", periods=30, freq="7D").repeat(600), "week"),
    ],
    ids=["480 a day", "400 an hour", "600 a year", "600 a month", "600 a week"],
)
def test_a_window_is_no_shorter_than_the_step_of_the_series(
    times: pd.DatetimeIndex, window: str
) -> None:
    """Rows of a year all have its first hour, which says nothing of hours."""
    series = pd.Series(times.tz_localize("UTC"))
    assert choose_sizes(len(series), series, share=1.0, tolerance_days=31).window == window


def test_new_labels_span_the_blocks_that_a_comparison_needs() -> None:
    """A month of hourly rows would else be asked to decide upon four days."""
    times = pd.Series(pd.date_range("2010-01-01", periods=9000, freq="h", tz="UTC"))
    sizes = choose_sizes(90_000, times, share=10.0, tolerance_days=31)
    assert sizes.blocks == "day"
    assert sizes.min_new_labels >= 0.9 * 20 * 240


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
