"""`slipway new`: which columns become features, and which are left out with a reason."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from tests.support.new_specs import ROWS, binary, csv_file, planned, roles, table, written


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
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    left = {name for name, role in roles(plan).items() if role in {"left out", "key"}}
    assert left == {"code", "country", "nothing", "remarks"}
    written(plan, home)
    text = (home / "include/models/houses_sold/model.yaml").read_text()
    assert "country: it has one value only" in text


def test_many_categories_are_grouped_or_encoded_by_the_target(tmp_path: Path, home: Path) -> None:
    """Where most rows are of rare ones, one group of them would tell nothing."""
    frame = binary(2000)
    frame["town"] = [f"t{one % 900}" if one % 2 else "t0" for one in range(2000)]
    frame["shop"] = [f"s{one % 400}" for one in range(2000)]
    frame["postal code"] = [10_000 + one % 300 for one in range(2000)]
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    features = written(plan, home).models[plan.model].features
    assert {name: one.method for name, one in features.encodings.items()} == {
        "town": "one_hot",
        "shop": "target",
        "postal code": "target",
    }
    assert features.encodings["town"].rare_below == 0.01
    text = (home / "include/models/houses_sold/model.yaml").read_text()
    assert "shop: target  # 100% of the rows are of categories below 1%" in text


def test_one_limit_tells_categories_from_free_text_and_identifiers(tmp_path: Path) -> None:
    """Three rows of each value on average, whatever the type and the name."""
    frame = binary(1200)
    frame["maker"] = [f"m{one % 400}" for one in range(1200)]
    frame["title"] = [f"w{one % 500}" for one in range(1200)]
    frame["agent id"] = [one % 400 for one in range(1200)]
    frame["deal id"] = [one % 500 for one in range(1200)]
    found = roles(planned(csv_file(frame, tmp_path / "houses.csv"), target="sold"))
    assert {name: found[name] for name in ("maker", "title", "agent id", "deal id")} == {
        "maker": "category",
        "agent id": "category",
        "title": "left out",
        "deal id": "left out",
    }


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
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
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
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    left = {name for name, role in roles(plan).items() if role == "left out"}
    assert left == {"alive", "outcome_score", "duration"}
    frame["marital-status"] = answer * 1.0 + rng.normal(0, 0.8, 1000)
    plan = planned(
        csv_file(frame.drop(columns=["alive", "duration"]), tmp_path / "kept.csv"), target="sold"
    )
    assert roles(plan)["marital-status"] == "number"
    written(plan, home)
    sums = table().assign(land=lambda one: (one["price"] * 0.4).round(2))
    sums["building"] = sums["price"] - sums["land"]
    plan = planned(csv_file(sums, tmp_path / "sums.csv"), target="price")
    assert {name for name, role in roles(plan).items() if role == "left out"} >= {
        "land",
        "building",
    }
    logarithm = table().assign(log=lambda one: np.log(one["price"]))
    plan = planned(csv_file(logarithm, tmp_path / "logs.csv"), target="price")
    assert {name for name, role in roles(plan).items() if role == "left out"} == {"log"}
