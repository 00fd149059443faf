"""Sanity gates: mistakes of data and split are refused, and honest models pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from slipway.adapters.model_package import load_package
from slipway.records.verdicts import Verdict
from slipway.spec.gates import Gates
from slipway.stages.gates.checks.duplicates import twins
from slipway.stages.gates.checks.renamed_label import same_numbers, same_words
from slipway.stages.gates.column_alone import Asked, column_alone
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.train.comparison import Comparison
from slipway.stages.train.gates import gate
from slipway.wiring.gate_tools import gate_tools
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAY = timedelta(days=1)
AT_RANDOM = {"split": "random", "min_rows": 500}
ANY = {"roc_auc": {"threshold": 0.55, "compare": "point"}}


def _gates(**sanity: Any) -> dict[str, Any]:
    return {"min_holdout_rows": 100, "metrics": ANY, "sanity": sanity}


def _judge(
    folder: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    *,
    training: dict[str, Any] | None = None,
    **sanity: Any,
) -> Verdict:
    """Verdict on a first model of sixty days of crossings, after a change to them."""
    env = TrainingEnv.in_memory(folder)
    more = {} if training is None else {"training": training}
    env.spec = spec(gates=_gates(**sanity), **more)
    rows = change(ferry_dataset.crossings(days=60))
    ferry_dataset.publish(env.tables, rows, labels=rows)
    return env.until_gate(env.ask()).verdict


def _tells_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Wind that is measured once the ferry is late."""
    random = np.random.default_rng(3)
    return rows.assign(wind=rows["late"] * 10 + random.random(len(rows)))


def _is_the_label(rows: pd.DataFrame) -> pd.DataFrame:
    """A port that says whether the ferry was late, and is wrong in one of 300 rows."""
    wrong = np.arange(len(rows)) % 300 == 0
    return rows.assign(port=np.where((rows["late"] == 1) ^ wrong, "Oban", "Mallaig"))


def _delivered_twice(rows: pd.DataFrame) -> pd.DataFrame:
    """Each crossing under a second number."""
    again = rows.assign(crossing="again-" + rows["crossing"])
    return pd.concat([rows, again], ignore_index=True)


@pytest.mark.parametrize("training", [None, AT_RANDOM])
def test_an_honest_model_passes_with_every_sanity_gate_on(
    tmp_path: Path, training: dict[str, Any] | None
) -> None:
    """By time and at random; the numbers are in the verdict."""
    verdict = _judge(tmp_path, training=training)
    assert verdict.action == "promote", verdict.reason
    numbers = verdict.numbers
    assert 0.55 < float(numbers["single_feature"] or 0) < 0.8
    assert numbers["single_feature.column"] == "wind"
    assert float(numbers["renamed_label"] or 0) < 0.7
    assert numbers["duplicates.share"] == 0
    assert numbers["split.training_rows"] == numbers["split.training_rows_recorded"]
    assert numbers["split.training_rows_not_older"] == numbers["split.shared_keys"] == 0


def test_a_column_that_tells_all_of_the_target_is_named(tmp_path: Path) -> None:
    """With what it ranks right, and what to do."""
    verdict = _judge(tmp_path, _tells_all)
    assert verdict.action == "refuse"
    assert (
        "the column wind alone tells the target as well as the whole model: it ranks 100.00% right"
        in verdict.reason
    )
    assert "`gates.sanity.known_columns`" in verdict.reason


def test_a_column_that_is_known_may_tell_the_target(tmp_path: Path) -> None:
    """The spec names it; the others are still judged."""
    verdict = _judge(tmp_path, _tells_all, known_columns=["wind"])
    assert verdict.action == "promote", verdict.reason
    assert verdict.numbers["single_feature.column"] == "port"


def test_a_renamed_label_is_named(tmp_path: Path) -> None:
    """In other words, and with a few rows that differ: as little as no single column tells."""
    verdict = _judge(tmp_path, _is_the_label)
    assert verdict.action == "refuse"
    assert "the column port is the target under another name" in verdict.reason
    assert "alone tells" not in verdict.reason
    assert _judge(tmp_path / "off", _is_the_label, renamed_label=False).action == "promote"


def test_rows_that_stand_on_both_sides_of_the_split_are_counted(tmp_path: Path) -> None:
    """A random split draws by key, and each crossing has two."""
    verdict = _judge(tmp_path, _delivered_twice, training=AT_RANDOM)
    assert verdict.action == "refuse"
    share = float(verdict.numbers["duplicates.share"] or 0)
    assert share == pytest.approx(0.8, abs=0.05)
    assert f"{share:.1%} of the holdout rows stand among the training rows" in verdict.reason
    passes = _judge(tmp_path / "off", _delivered_twice, training=AT_RANDOM, duplicates=False)
    assert passes.action == "promote"


@pytest.fixture
def trained(tmp_path: Path) -> tuple[TrainingEnv, Snapshot, Any]:
    """A trained model, its snapshot, and the loaded version."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    request = env.ask()
    pins = Snapshot.from_numbers(env.snapshot(request).verdict.numbers)
    evidence = env.train(request).verdict.evidence
    folder = env.tracking.download(
        evidence["model_uri"], tmp_path / "version", sha256=evidence["manifest_sha256"]
    )
    return env, pins, load_package(folder)


def _compared(trained: tuple[TrainingEnv, Snapshot, Any], **facts: Any) -> Verdict:
    """Verdict on the version with other facts in its manifest."""
    env, pins, package = trained
    contest = Comparison(env.spec, env.dataset, env.tables, gate_tools())
    told = replace(package, manifest={**package.manifest, **facts})
    return gate(env.spec.gates, contest.compare(pins, told, None, version=None).numbers)


def test_a_version_whose_training_rows_are_not_found_again_is_refused(
    trained: tuple[TrainingEnv, Snapshot, Any],
) -> None:
    """It says that its training ended ten days before it did, so it has seen its holdout."""
    assert _compared(trained).action == "promote"
    end = pd.Timestamp(trained[2].manifest["training_end"]) - 10 * DAY
    verdict = _compared(trained, training_end=end.isoformat(), holdout_start=end.isoformat())
    assert verdict.action == "refuse"
    assert "the version records 1,999 training rows, and 1,599 lie in their time" in verdict.reason


def test_training_rows_as_new_as_the_holdout_and_shared_keys_are_refused() -> None:
    """Whatever else holds; the counts are in the reason."""
    numbers = {
        "rows": 900,
        "champion.version": None,
        "challenger.roc_auc": 0.7,
        "constant.roc_auc": 0.5,
        "split.training_rows_not_older": 31,
        "split.shared_keys": 7,
    }
    off = {"single_feature": False, "renamed_label": False, "duplicates": False}
    gates = Gates.model_validate({"metrics": {"roc_auc": {}}, "sanity": off})
    verdict = gate(gates, numbers)
    assert verdict.action == "refuse"
    assert "31 training rows are not older than the holdout's first row" in verdict.reason
    assert "7 holdout rows have a key that stands among the training rows" in verdict.reason


def test_beside_a_champion_a_challenger_has_to_beat_a_constant_too(tmp_path: Path) -> None:
    """It may be worse than the champion by the spec, but not worse than no model."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    later = ferry_dataset.START + 60 * DAY
    rows = ferry_dataset.crossings(days=60, start=later)
    learnt = rows["departs"] < rows["departs"].max() - 25 * DAY
    turned = rows.assign(late=rows["late"].where(~learnt, 1 - rows["late"]))
    ferry_dataset.publish(env.tables, rows, labels=turned)
    worse = {"roc_auc": {"compare": "not_worse", "margin": 0.9}}
    training = {"holdout_days": 25, "window_days": 30, "min_rows": 500}
    for unique, floor, action in (("second", True, "refuse"), ("third", False, "promote")):
        gates = _gates(constant_floor=floor) | {"metrics": worse}
        env.spec = spec(training=training, gates=gates)
        verdict = env.until_gate(env.ask(unique)).verdict
        assert verdict.action == action, verdict.reason
        assert ("is no better than the constant model's 0.5000" in verdict.reason) is floor


def test_what_was_not_measured_decides_nothing() -> None:
    """An evaluation without the numbers of a sanity gate is inconclusive, and names each."""
    numbers = {
        "rows": 900,
        "champion.version": None,
        "challenger.roc_auc": 0.7,
        "constant.roc_auc": 0.5,
    }
    metrics = {"roc_auc": {"threshold": 0.6}}
    verdict = gate(Gates.model_validate({"metrics": metrics}), numbers)
    assert verdict.action == "inconclusive"
    for one in ("single_feature", "renamed_label", "split", "duplicates"):
        assert f"`gates.sanity.{one}: false`" in verdict.reason
    off = Gates.model_validate({"metrics": metrics, "sanity": False})
    assert gate(off, numbers).action == "promote"


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
