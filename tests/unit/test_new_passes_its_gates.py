"""`slipway new` and then `slipway try` on the same file: the gates that were written hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.command_line import slipway
from tests.support.new_specs import csv_file

ROWS = 900


def of_shops(rng: np.random.Generator) -> pd.DataFrame:
    """A quantity that many categories tell, each of them rare, and a number of no use."""
    shop = rng.integers(0, 220, ROWS)
    level = rng.normal(0, 10, 220)[shop]
    return pd.DataFrame(
        {
            "shop": [f"shop {one}" for one in shop],
            "noise": rng.normal(0, 1, ROWS).round(3),
            "price": (50 + level + rng.normal(0, 3, ROWS)).round(2),
        }
    )


def of_visitors(rng: np.random.Generator) -> pd.DataFrame:
    """A rare class, rows with an identifier, and many categories beside common ones."""
    age = rng.integers(18, 80, ROWS)
    town = np.where(rng.random(ROWS) < 0.7, 0, rng.integers(1, 260, ROWS))
    odds = (age - 72) / 4 + np.where(town == 0, 0, 2)
    return pd.DataFrame(
        {
            "visitor_id": [f"v{one:06d}" for one in rng.permutation(ROWS)],
            "age": age,
            "town": [f"town {one}" for one in town],
            "churned": np.where(rng.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )


def of_hours(rng: np.random.Generator) -> pd.DataFrame:
    """A quantity with a trend over time, of which the newest rows are held out."""
    heat = 15 + 8 * np.sin(np.arange(ROWS) / 60) + rng.normal(0, 2, ROWS)
    return pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=ROWS, freq="3h").strftime("%Y-%m-%d %H:%M"),
            "heat": heat.round(2),
            "station": rng.choice(["north", "south", "west"], ROWS),
            "load": (300 - 5 * heat + rng.normal(0, 12, ROWS)).round(1),
        }
    )


def of_species(rng: np.random.Generator) -> pd.DataFrame:
    """Three classes that a code of whole numbers tells in part."""
    finder = rng.integers(0, 210, ROWS)
    kind = (finder % 3 + (rng.random(ROWS) < 0.2)) % 3
    return pd.DataFrame(
        {
            "finder_id": 7000 + finder,
            "weight": (kind + rng.normal(0, 1, ROWS)).round(2),
            "species": np.array(["ant", "bee", "cicada"])[kind],
        }
    )


def of_few(rng: np.random.Generator) -> pd.DataFrame:
    """A hundred rows."""
    size = rng.normal(0, 1, 100)
    return pd.DataFrame(
        {
            "size": size.round(3),
            "colour": rng.choice(["red", "blue"], 100),
            "sold": np.where(size + rng.normal(0, 0.5, 100) > 0, "yes", "no"),
        }
    )


@pytest.mark.parametrize("make", [of_shops, of_visitors, of_hours, of_species, of_few])
def test_a_model_that_new_writes_passes_try_on_the_same_file(
    make: Callable[[np.random.Generator], pd.DataFrame], tmp_path: Path, home: Path
) -> None:
    """Of many categories, of identifiers, by time, at random, of few rows."""
    frame = make(np.random.default_rng(3))
    file = csv_file(frame, tmp_path / "things.csv")
    told = slipway("new", str(file), "--yes", "--target", frame.columns[-1])
    assert told.exit_code == 0, told.output
    assert "no signal" not in told.output
    (model,) = (one.name for one in (home / "include/models").iterdir() if one.is_dir())
    tried = slipway("try", model, str(file))
    assert tried.exit_code == 0, tried.output
    assert "A challenger would be promoted." in tried.output


def test_a_file_without_a_signal_is_told(tmp_path: Path, home: Path) -> None:
    """In the summary, and beside the gate that lies just on the better side of the constant."""
    rng = np.random.default_rng(4)
    noise = {name: rng.normal(0, 1, ROWS).round(3) for name in ("a", "b", "c", "answer")}
    file = csv_file(pd.DataFrame(noise), tmp_path / "noise.csv")
    told = slipway("new", str(file), "--yes", "--target", "answer")
    assert "no signal was found" in told.output
    text = (home / "include/models/noise_answer/model.yaml").read_text()
    assert "no better: no signal was found; at most this bar just better than the" in text
