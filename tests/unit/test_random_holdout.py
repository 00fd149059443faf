"""Random holdouts: `training.split: random`, for rows that time does not tell apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import NotComputable
from slipway.records.run_records import RunRecord
from slipway.spec.holdout import RANDOM_WARNING
from slipway.spec.identity import KEY, RowKey
from slipway.spec.loading import load_all
from slipway.spec.training import Training
from slipway.stages.gates.random_holdout import RandomHoldout, holdout_keys, unseen_by
from slipway.stages.model.manifest import REFERENCE, open_sealed
from slipway.stages.model.shipped import RANDOM_HOLDOUT
from slipway.stages.train.splitting import split_at_random, split_by_time
from tests.support import ferry_dataset
from tests.support.command_line import Make, slipway
from tests.support.small_specs import FILES, MODEL
from tests.support.training_env import TrainingEnv, spec

RANDOM = {"split": "random", "holdout_share": 0.25, "min_rows": 500}
FIRST = pd.Timestamp("2013-01-01", tz="UTC")


def _env(folder: Path) -> TrainingEnv:
    env = TrainingEnv.in_memory(folder)
    env.spec = spec(training=RANDOM)
    env.land(ferry_dataset.crossings(days=60))
    return env


def _trained(env: TrainingEnv, unique: str = "first") -> RunRecord:
    request = env.ask(unique)
    env.snapshot(request)
    return env.train(request)


def _problems(make: Make, training: str, pipeline: str | None = None) -> list[str]:
    files = {**FILES, "models/sales/model.yaml": f"{MODEL}training: {training}\n"}
    if pipeline is not None:
        files["models/sales/pipeline.py"] = pipeline
    return list(map(str, load_all(make(files)).problems))


@given(share=st.floats(0.05, 0.95), seed=st.integers(0, 2**32 - 1))
def test_about_the_share_of_all_keys_is_held_out(share: float, seed: int) -> None:
    """For any seed; integers are drawn as their texts are, so a key's type does not matter."""
    texts = pd.Series([str(number) for number in range(2000)])
    held = RandomHoldout(share, seed).holds(texts)
    assert abs(held.mean() - share) < 0.06
    assert (held == RandomHoldout(share, seed).holds(texts.astype("Int64"))).all()
    assert (held == RandomHoldout(share, seed).holds(texts[::-1])[::-1]).all()


def test_seeds_draw_differently() -> None:
    """Two trainings with different seeds hold out different keys."""
    keys = pd.Series([f"k{number}" for number in range(1000)])
    one, other = (RandomHoldout(0.5, seed).holds(keys) for seed in (7, 8))
    assert 300 < (one != other).sum() < 700


def test_a_larger_share_holds_the_smaller_one() -> None:
    """A champion's holdout stays unseen when the share is raised."""
    keys = pd.Series([f"k{number}" for number in range(1000)])
    assert not (RandomHoldout(0.2, 7).holds(keys) & ~RandomHoldout(0.4, 7).holds(keys)).any()


def test_both_parts_are_in_time_order_within_the_window() -> None:
    """A window leaves out the oldest rows of both."""
    rows = pd.DataFrame({"at": pd.date_range(FIRST, periods=40, freq="D")})
    held = np.arange(40) % 4 == 0
    parts = split_at_random(
        rows, held, event_time="at", training=Training(min_rows=1, window_days=20)
    )
    assert (len(parts.training), len(parts.holdout)) == (16, 5)
    assert parts.training["at"].is_monotonic_increasing
    assert parts.holdout["at"].is_monotonic_increasing
    assert parts.rows["at"].min() == FIRST + pd.Timedelta(days=19)


def test_a_model_is_trained_and_gated_on_a_random_holdout(tmp_path: Path) -> None:
    """The verdict, the run and the version say that it was, and what that cannot show."""
    env = _env(tmp_path)
    request = env.ask()
    env.snapshot(request)
    verdict = env.train(request).verdict
    held_out = int(verdict.numbers["holdout_rows"] or 0)
    assert 500 < held_out < 700
    told = f"{held_out} rows, drawn at random, are held out, which shows neither newer rows nor"
    assert told in verdict.reason
    assert RANDOM_WARNING not in verdict.reason
    assert verdict.numbers["holdout_start"] < verdict.numbers["training_end"]  # type: ignore[operator]
    (run,) = env.tracking.runs.values()
    assert (run.params["split"], run.params["holdout_share"]) == ("random", "0.25")
    assert "cannot show" in run.tags["slipway.holdout"]
    assert env.evaluate(request).verdict.numbers["rows"] == held_out
    assert env.gate(request).verdict.action == "promote"


def test_the_reference_of_a_random_holdout_is_in_time_order(tmp_path: Path) -> None:
    """Drift thresholds are calibrated on its blocks of time."""
    env = _env(tmp_path)
    evidence = _trained(env).verdict.evidence
    folder = env.tracking.download(
        evidence["model_uri"], tmp_path / "version", sha256=evidence["manifest_sha256"]
    )
    reference = pd.read_parquet(folder / REFERENCE)
    assert reference["departs"].is_monotonic_increasing
    assert set(reference["_part"]) == {"training", "holdout"}
    assert open_sealed(folder)[RANDOM_HOLDOUT] == {"share": 0.25, "seed": 7}


def test_challenger_and_champion_are_compared_on_rows_that_neither_saw(tmp_path: Path) -> None:
    """Both held out the same keys, and the champion saw none of the newer rows."""
    env = _env(tmp_path)
    env.champion()
    later = env.land(ferry_dataset.crossings(days=20, start=ferry_dataset.START.replace(month=4)))
    request = env.ask("second")
    env.snapshot(request)
    trained = env.train(request).verdict
    numbers = env.evaluate(request).verdict.numbers
    assert numbers["champion.version"] == 1
    assert numbers["rows"] == trained.numbers["holdout_rows"]
    held = RandomHoldout(0.25, 7).holds(later["crossing"])
    assert int(numbers["rows"] or 0) > held.sum()


def test_a_challenger_by_time_meets_a_champion_at_random(tmp_path: Path) -> None:
    """Of the newest days, the rows that the champion held out, and those that came later."""
    env = _env(tmp_path)
    env.champion()
    env.spec = spec(training={"holdout_days": 10, "min_rows": 500})
    request = env.ask("second")
    env.snapshot(request)
    held_out = int(env.train(request).verdict.numbers["holdout_rows"] or 0)
    rows = int(env.evaluate(request).verdict.numbers["rows"] or 0)
    assert 0.15 * held_out < rows < 0.35 * held_out


def test_rows_are_unseen_that_are_newer_or_held_out() -> None:
    """By a version that was split by time, the newer ones alone."""
    keys = pd.Series([f"k{number}" for number in range(100)])
    times = pd.Series([FIRST, FIRST + pd.Timedelta(days=1)] * 50)
    by_time = {"training_end": FIRST.isoformat()}
    at_random = {**by_time, RANDOM_HOLDOUT: {"share": 0.3, "seed": 7}}
    held = RandomHoldout(0.3, 7).holds(keys)
    assert unseen_by(by_time, times, keys).tolist() == [False, True] * 50
    assert (unseen_by(at_random, times, keys) == ((times > FIRST) | held)).all()


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0, "all have one event time"),
        (1, "the holdout would hold all of them"),
    ],
)
def test_rows_that_time_does_not_separate_are_refused(hours: int, said: str) -> None:
    """Such as those of a first delivery by arrival; the hint names the random split."""
    times = [FIRST + row * hours * pd.Timedelta(hours=1) for row in range(20)]
    with pytest.raises(NotComputable, match=said) as caught:
        split_by_time(pd.DataFrame({"at": times}), event_time="at", training=Training(min_rows=1))
    assert "split: random" in str(caught.value.hint)


def test_one_delivery_by_arrival_is_split_at_random() -> None:
    """Where all rows have one event time."""
    rows = pd.DataFrame({"at": [FIRST] * 20})
    held = np.arange(20) < 5
    parts = split_at_random(rows, held, event_time="at", training=Training(min_rows=1))
    assert (len(parts.training), len(parts.holdout)) == (15, 5)


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ("{split: random, holdout_days: 7}", "training.holdout_days: has no effect: the split is"),
        ("{holdout_share: 0.1}", "training.holdout_share: has no effect: the split is by time"),
        ("{split: shuffled}", "training.split: given 'shuffled'; allowed: time, random"),
        ("{split: random, holdout_share: 1.0}", "training.holdout_share: given 1.0"),
    ],
)
def test_fields_that_do_not_fit_the_split_are_refused(
    project: Make, training: str, said: str
) -> None:
    """Each split has its own length of the holdout."""
    (problem,) = _problems(project, training)
    assert said in problem


def test_a_pipeline_with_a_split_is_not_split_at_random(project: Make) -> None:
    """One of the two would have no effect."""
    own = "def split(frame):\n    return frame['at'].max()\n"
    assert _problems(project, "{split: random}") == []
    (problem,) = _problems(project, "{split: random}", own)
    assert "`pipeline.py` has a `split`" in problem


def test_the_check_warns_of_a_random_split(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no problem, so the exit status is 0."""
    text = f"{MODEL}training: {{split: random}}\n"
    root = project({**FILES, "models/sales/model.yaml": text})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    checked = slipway("check")
    assert checked.exit_code == 0
    assert "warning: include/models/sales/model.yaml: training.split: a random" in checked.output


def test_the_check_warns_once_of_all_models_with_a_random_split(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long warning is not repeated for each; a model that is split by time is not named."""
    models = {
        f"models/{name}/model.yaml": MODEL.replace("model: sales", f"model: {name}") + training
        for name, training in (
            ("sales", "training: {split: random}\n"),
            ("offers", "training: {split: random}\n"),
            ("returns", "training: {split: random, holdout_share: 0.3}\n"),
            ("visits", ""),
        )
    }
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project({**FILES, **models})))
    output = slipway("check").output
    assert output.count(RANDOM_WARNING) == 1
    assert f"warning: models offers, returns and sales: training.split: {RANDOM_WARNING}" in output
    told = json.loads(slipway("check", "--json").output)["warnings"]
    assert sum(RANDOM_WARNING in one for one in told) == 1


def test_equal_rows_are_held_out_together() -> None:
    """A twin among the training rows would tell the label of a row that is held out."""
    keys = pd.Series([f"{number:032x}{twin}" for number in range(200) for twin in ("", "-2", "-3")])
    rows = pd.DataFrame({KEY: keys})
    of_row = RowKey(KEY, "string", "row")
    held = RandomHoldout(0.5, 1).holds(holdout_keys(rows, of_row)).reshape(200, 3)
    assert (held.all(axis=1) | ~held.any(axis=1)).all()
    assert 60 < held.all(axis=1).sum() < 140
    composed = RowKey(KEY, "string", "columns")
    assert holdout_keys(rows, composed).tolist() == keys.tolist()
