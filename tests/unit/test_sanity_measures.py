"""What the sanity gates measure: columns that tell the target, and copies, on honest sets too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from slipway.spec.gates import Gates
from slipway.stages.gates.checks.duplicates import twins
from slipway.stages.gates.checks.renamed_label import same_numbers, same_words
from slipway.stages.gates.column_alone import Asked, column_alone


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "digits", "diabetes"])
def test_honest_sets_are_not_refused(name: str) -> None:
    """What one column tells, what equals the target, and what stands twice, at random splits."""
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    is_class = name != "diabetes"
    limits = Gates.model_validate({"metrics": {"roc_auc": {}}}).sanity
    for seed in range(3):
        held_out = np.random.default_rng(seed).random(len(frame)) < 0.4
        holdout, training = frame[held_out], frame[~held_out]
        asked = Asked.of(holdout["target"], is_class=is_class)
        assert asked is not None
        names = [one for one in frame if one != "target"]
        for one in names:
            alone = column_alone(asked, holdout[one], training[one], training["target"])
            assert alone < limits.single_feature
            equal = same_words if is_class else same_numbers
            assert equal(frame[one], frame["target"]) < limits.renamed_label
        share, chance = twins([(training[one], holdout[one]) for one in frame])
        assert share - chance < limits.duplicates


def test_a_class_with_few_rows_has_to_be_told_too() -> None:
    """One column tells setosa of irises, and not the others, which a small holdout hides."""
    frame = datasets.load_iris(as_frame=True).frame
    few = frame[(frame["target"] != 1) | (frame.index % 10 == 0)]
    assert Asked.of(few["target"], is_class=True, of_every_class=True) is None
    asked = Asked.of(frame["target"], is_class=True)
    assert asked is not None
    for name in frame.columns.drop("target"):
        even = frame[::2]
        assert column_alone(asked, frame[name], even[name], even["target"]) < 0.999


def test_rows_of_few_common_values_meet_one_another_by_chance() -> None:
    """As on the Titanic, where class, sex and age group are all that is known."""
    random = np.random.default_rng(1)
    kinds = pd.DataFrame({name: random.choice(["a", "b", "c"], 4_000) for name in ("x", "y", "z")})
    share, chance = twins([(kinds[name][:3_000], kinds[name][3_000:]) for name in kinds])
    assert share == 1.0
    assert chance > 0.99


@pytest.mark.parametrize("count", [150, 3_000])
def test_categories_that_go_together_are_no_copies(count: int) -> None:
    """One trait stands behind all of them, so equal rows are of different persons."""
    random = np.random.default_rng(4)
    trait = random.normal(size=count)
    frame = pd.DataFrame(
        {name: np.round(trait * 1.5 + random.normal(0, 0.3, count)) for name in "abcdef"}
    ).astype(str)
    frame["ill"] = (trait + random.normal(0, 0.3, count) > 0.5).astype(int)
    held = count // 3
    share, chance = twins([(frame[name][held:], frame[name][:held]) for name in frame])
    assert share > 0.2
    assert share - chance < 0.3


def test_copies_with_one_number_of_many_values_are_found() -> None:
    """Beside categories that go together, too."""
    random = np.random.default_rng(5)
    trait = random.normal(size=1_000)
    once = pd.DataFrame({name: np.round(trait + random.normal(0, 0.3, 1_000)) for name in "abc"})
    once["weight"] = random.normal(70, 9, 1_000).round(1)
    frame = pd.concat([once, once]).sample(frac=1, random_state=1).reset_index(drop=True)
    share, chance = twins([(frame[name][500:], frame[name][:500]) for name in frame])
    assert share - chance > 0.3


def test_a_hundred_thousand_rows_are_measured() -> None:
    """All sanity measures of twenty columns together, of which five are categories."""
    random = np.random.default_rng(2)
    count = 100_000
    frame = pd.DataFrame({f"n{one}": random.normal(size=4 * count) for one in range(15)})
    for one in range(5):
        frame[f"c{one}"] = random.choice([f"kind {kind}" for kind in range(300)], 4 * count)
    target = pd.Series((random.random(4 * count) < 0.3).astype(int))
    asked = Asked.of(target[:count], is_class=True)
    assert asked is not None
    for name in frame:
        values = frame[name]
        assert column_alone(asked, values[:count], values[count:], target[count:]) < 0.6
        assert same_words(values, target) == 0
    assert twins([(frame[name][count:], frame[name][:count]) for name in frame])[0] == 0


@pytest.mark.parametrize("is_class", [True, False])
@pytest.mark.parametrize("learnt", [0, 1, 300])
def test_odd_columns_are_measured_and_tell_nothing(is_class: bool, learnt: int) -> None:  # noqa: FBT001
    """All missing, constant, truth values with gaps, whole numbers with gaps; few training rows."""
    random = np.random.default_rng(6)
    count = 400
    gaps = random.random(count) < 0.3
    frame = pd.DataFrame(
        {
            "empty": np.full(count, np.nan),
            "none": pd.array([None] * count, dtype="string"),
            "one": 1.0,
            "truth": pd.array(np.where(gaps, None, random.random(count) < 0.5), dtype="boolean"),
            "whole": pd.array(np.where(gaps, None, random.integers(0, 9, count)), dtype="Int64"),
            "word": pd.array(np.where(gaps, None, random.choice(["a", "b"], count)), "string"),
        }
    )
    target = pd.Series(random.integers(0, 2, count) if is_class else random.normal(size=count))
    training, rows = frame[:learnt], frame[learnt:]
    asked = Asked.of(target[learnt:], is_class=is_class)
    assert asked is not None
    for name in frame:
        assert 0 <= column_alone(asked, rows[name], training[name], target[:learnt]) < 0.8
        assert 0 <= (same_words if is_class else same_numbers)(frame[name], target) < 0.8
    share, chance = twins([(training[name], rows[name]) for name in frame])
    assert 0 <= chance <= share <= 1
