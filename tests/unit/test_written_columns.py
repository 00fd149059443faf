"""`slipway new`: columns of numbers as people write them become numbers, and others do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.column_types import Texts, guess_type
from slipway.stages.profile.spellings import Spelling, guess_spelling
from slipway.wiring.written_specs import write_specs
from tests.support.new_specs import planned, written

RNG = np.random.default_rng(3)
AMOUNTS = RNG.lognormal(7, 1.5, 300).round(2)
WHOLE = [f"{int(one):,}" for one in AMOUNTS]
COMMA = Spelling(",", None)
EURO = Spelling(",", ".", "\u20ac")


def _german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("texts", "kind", "expected", "file"),
    [
        ([f"${one:,.2f}" for one in AMOUNTS], "number", Spelling(".", ",", "$"), Spelling()),
        ([f"$ {one:.2f}" for one in AMOUNTS], "number", Spelling(".", None, "$"), Spelling()),
        ([f"USD {one}" for one in WHOLE], "integer", Spelling(".", ",", "USD"), Spelling()),
        ([f"\u20ac {_german(one)}" for one in AMOUNTS], "number", EURO, Spelling()),
        ([f"{_german(one)}\u00a0\u20ac" for one in AMOUNTS], "number", EURO, COMMA),
        ([f"Rs.{one:.0f}" for one in AMOUNTS], "integer", Spelling(unit="Rs."), Spelling()),
        ([f"{one} %" for one in range(40)], "integer", Spelling(unit="%"), Spelling()),
        ([f"{one / 7:.1f}%" for one in range(40)], "number", Spelling(unit="%"), Spelling()),
        ([f"{one}%" for one in (5, 10)], "integer", Spelling(unit="%"), Spelling()),
        ([f"{one} kmpl" for one in AMOUNTS], "number", Spelling(unit="kmpl"), Spelling()),
        (
            [f"({one:,.2f})" if one < 900 else f"{one:,.2f}" for one in AMOUNTS],
            "number",
            Spelling(".", ",", None, parentheses=True),
            Spelling(".", ","),
        ),
        ([one.replace(",", "'") for one in WHOLE], "integer", Spelling(".", "'"), Spelling()),
        ([one.replace(",", " ") for one in WHOLE], "integer", Spelling(".", " "), Spelling()),
        ([one.replace(",", ".") for one in WHOLE], "integer", Spelling(",", "."), COMMA),
        (
            [*(f"${one:.2f}" for one in AMOUNTS), "-", "N/A", "free"],
            "number",
            Spelling(unit="$"),
            Spelling(),
        ),
    ],
)
def test_a_column_of_written_numbers_is_one_of_numbers(
    texts: list[str], kind: str, expected: Spelling, file: Spelling
) -> None:
    """With the marks and the unit that read all of it, few bad cells aside."""
    guess = guess_type("amount", Texts(dict.fromkeys(texts, 1), file))
    assert (guess.type, guess.spelling, guess.doubt) == (kind, expected, "")
    assert guess.refused < 0.01


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("zip", [f"{10_000 + one}-{1000 + one}" for one in range(99)]),
        ("zip", [f"{one:05d}" for one in range(99)]),
        ("postal code", [f"{100 + one} {100 + one:03d}" for one in range(99)]),
        ("version", [f"1.{100 + one}.{200 + one}" for one in range(99)]),
        ("release", ["1.2.3", "1.10.0", "2.0.1"]),
        ("phone", [f"600 {100 + one} {200 + one}" for one in range(99)]),
        ("contact", [f"600 {100 + one} {200 + one}" for one in range(99)]),
        ("seat", [f"{one}A" for one in range(1, 40)]),
        ("room", [f"Room {one}" for one in range(1, 40)]),
        ("code", [f"A{one}" for one in range(40)]),
        ("id", [f"R-{one:05d}" for one in range(40)]),
        ("place", [f"{one}th" for one in range(4, 20)]),
        ("term", ["36 months", "60 months"] * 40),
        ("time", [f"{one} pm" for one in range(1, 12)]),
        ("price", [*(f"${one}" for one in range(20)), *(f"\u20ac{one}" for one in range(20))]),
        ("share", [*(f"{one}%" for one in range(20)), *(f"0.{one}" for one in range(20))]),
        ("size", [*(f"{one}M" for one in range(20)), *(f"{one}k" for one in range(20))]),
        ("note", [f"{one} of 10" for one in range(20)]),
        ("range", [f"{one}-{one + 5} %" for one in range(20)]),
        ("where", [f"{one} Long Road" for one in range(20)]),
        ("footnote", [f"({one})" for one in range(20)]),
    ],
)
def test_codes_and_several_units_stay_texts(name: str, texts: list[str]) -> None:
    """Neither postal codes nor versions are numbers, and two units are no one number."""
    guess = guess_type(name, Texts(dict.fromkeys(texts, 5)))
    assert guess.type == "string"
    assert guess.spelling is None


@pytest.mark.parametrize(
    ("texts", "delimiter", "expected"),
    [
        (["1,234", "7,890"], ",", Spelling(".", ",")),
        (["1,234", "7,890"], ";", Spelling(",", None)),
        (["1,234", "890"], ";", Spelling(".", ",")),
        (["1,234", "7,890,123"], ";", Spelling(".", ",")),
    ],
)
def test_one_comma_with_three_digits_is_told_by_other_values_and_by_the_dialect(
    texts: list[str], delimiter: str, expected: Spelling
) -> None:
    """Semicolons between cells speak for a decimal comma, numbers below a thousand against it."""
    found = guess_spelling({"n": texts}, delimiter=delimiter)
    assert found == expected
    guess = guess_type("n", Texts(dict.fromkeys(texts, 1), found))
    is_told = "890" in texts or "7,890,123" in texts
    assert ("three digits behind it" in guess.doubt) == (not is_told)


def test_an_amount_of_three_digits_behind_a_point_is_thousands_with_a_doubt() -> None:
    """No currency has three decimals that all of its amounts show; a share may have."""
    money = [f"\u20ac {one}.{one + 7}" for one in range(100, 140)]
    guess = guess_type("price", Texts(dict.fromkeys(money, 1)))
    assert guess.spelling == Spelling(",", ".", "\u20ac")
    assert "read as a separator of thousands" in guess.doubt
    share = [f"{one % 90 + 1}.{one + 7} %" for one in range(100, 140)]
    guess = guess_type("share", Texts(dict.fromkeys(share, 1)))
    assert guess.spelling == Spelling(".", None, "%")
    assert guess.doubt == ""


def test_the_specs_declare_what_was_found_and_say_it(tmp_path: Path, home: Path) -> None:
    """Unit and marks stand in the dataset, percent with a note that 5% is 5; `new` asks nothing."""
    rows = 400
    price = RNG.lognormal(7, 1, rows).round(2)
    frame = pd.DataFrame(
        {
            "size": RNG.normal(80, 9, rows).round(1),
            "fee": [f"{one % 40 / 4}%" for one in range(rows)],
            "profit": [f"({one:,.0f})" if one < 900 else f"{one:,.0f}" for one in price],
            "price": [f"${one * 3:,.2f}" for one in price],
        }
    )
    file = tmp_path / "sales.csv"
    frame.to_csv(file, index=False)
    plan = planned(file, target="price")
    assert plan.columns["fee"].role == plan.columns["profit"].role == "number"
    assert plan.columns["profit"].column.sample.min() < 0
    assert plan.target.task == "regression"
    dataset = written(plan, home).datasets["sales"]
    columns = dataset.streams.features.columns
    assert (columns["fee"].unit, columns["profit"].negative) == ("%", "parentheses")
    assert dataset.streams.labels.columns["price"].unit == "$"
    text = (home / "include/datasets/sales/dataset.yaml").read_text()
    assert "the sign % is no part of them: 5% is 5" in text
    assert (columns["profit"].thousands, dataset.csv.thousands) == (",", None)


def test_the_same_columns_of_json_lines_are_found(tmp_path: Path, home: Path) -> None:
    """Texts of any format are read with them."""
    file = tmp_path / "sales.jsonl"
    lines = [
        f'{{"fee": "{one % 60} %", "size": {one % 7}, "sold": {one % 2}}}\n' for one in range(400)
    ]
    file.write_text("".join(lines))
    plan = planned(file, target="sold")
    assert plan.columns["fee"].column.type == "integer"
    write_specs(plan, home)
    assert 'unit: "%"' in (home / "include/datasets/sales/dataset.yaml").read_text()
