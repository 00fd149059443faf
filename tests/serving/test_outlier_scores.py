"""Outlier scores: uniform for rows like those of the training, near 1 for planted outliers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from slipway.serving.model_server.load_model import header_of
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.prediction_log.write_ahead_log import Record, WriteAheadLog
from slipway.serving.server_options import Options
from slipway.spec.logged_columns import OUTLIER_SCORE
from slipway.stages.model import outlier_scores
from slipway.stages.model.outlier_scores import OutlierFacts, OutlierScorer
from slipway.stages.model.personal_keys import NO_KEYS
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.train.outlier_facts import FEWEST_ROWS, outlier_facts
from tests.fakes.memory_store import MemoryStore
from tests.serving.extras_env import MemoryLog, answered, asked, load, outputs, save, spec_of
from tests.serving.model_versions import MODEL, flights

COLUMNS = [
    *(RawColumn(f"x{place}", "number", required=True) for place in range(6)),
    RawColumn("mode", "string", required=False),
]
NAMES = [column.name for column in COLUMNS]
LIMIT = 0.99
SEEDS = range(5)

Values = list[list[Any]]


def drawn(rows: int, *, seed: int) -> Values:
    """Rows of an autocorrelated factor that moves five numbers; one is heavy-tailed."""
    random = np.random.default_rng(seed)
    factor = np.zeros(rows)
    shocks = random.normal(size=rows)
    for at in range(1, rows):
        factor[at] = 0.9 * factor[at - 1] + shocks[at] * (1 - 0.9**2) ** 0.5
    numbers = factor[:, None] + 0.3 * random.normal(size=(rows, 5))
    numbers[:, 0] = np.exp(numbers[:, 0])
    mode = random.choice(["a", "b", "c", None], rows, p=[0.6, 0.3, 0.08, 0.02])
    return [*numbers.T.tolist(), random.standard_t(3, size=rows).tolist(), mode.tolist()]


def scorer(values: Values, *, seed: int = 7) -> OutlierScorer:
    """A scorer of rows like these."""
    data = outlier_facts(COLUMNS, values, seed=seed)
    assert data is not None
    return OutlierScorer(OutlierFacts.parse(data), NAMES)


@pytest.fixture(scope="module")
def scorers() -> list[OutlierScorer]:
    """A scorer by seed, of 6000 rows each."""
    return [scorer(drawn(6000, seed=seed)) for seed in SEEDS]


def shares(scorers: list[OutlierScorer], plant: Any = lambda values: values) -> Iterator[float]:
    """Share of rows above the limit by seed, with something planted in each row."""
    for seed, one in zip(SEEDS, scorers, strict=True):
        yield float(np.mean(np.array(one.score(plant(drawn(1000, seed=100 + seed)))) > LIMIT))


def test_rows_like_those_of_the_training_are_rarely_unusual(scorers: list[OutlierScorer]) -> None:
    """Over the seeds a hundredth is above 0.99, and the scores are spread evenly."""
    assert np.mean(list(shares(scorers))) == pytest.approx(0.01, abs=0.005)
    all_scores = [one.score(drawn(1000, seed=100)) for one in scorers]
    assert np.quantile(all_scores, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.06)


def far(values: Values) -> Values:
    """One number six deviations beyond its mean."""
    return [*values[:2], [6.3] * len(values[0]), *values[3:]]


def unseen(values: Values) -> Values:
    """A category that the training did not have."""
    return [*values[:-1], ["new"] * len(values[0])]


def torn(values: Values) -> Values:
    """Two numbers of another row: usual ones, whose combination with the others is not."""
    half = len(values[0]) // 2
    return [one[half:] + one[:half] if at in {1, 2} else one for at, one in enumerate(values)]


@pytest.mark.parametrize(("plant", "least"), [(far, 0.95), (unseen, 0.99), (torn, 0.25)])
def test_planted_outliers_are_found(scorers: list[OutlierScorer], plant: Any, least: float) -> None:
    """A single far column, an unseen category, an unusual combination."""
    assert np.mean(list(shares(scorers, plant))) >= least


def test_one_row_scores_as_among_others(scorers: list[OutlierScorer]) -> None:
    """Whatever else is in its request."""
    values = drawn(700, seed=3)
    together = scorers[0].score(values)
    alone = [scorers[0].score([[column[row]] for column in values])[0] for row in range(20)]
    assert alone == pytest.approx(together[:20])


def test_missing_values_where_there_were_none_are_unusual(scorers: list[OutlierScorer]) -> None:
    """A missing number counts as a value that the training did not have."""
    values = drawn(50, seed=4)
    assert min(scorers[0].score([[None] * 50, *values[1:]])) > LIMIT


@pytest.mark.parametrize("constant", [0.0, 5.0, 1e30])
def test_a_constant_column_is_unusual_with_any_other_value(constant: float) -> None:
    """However large it is; and usual with its own."""
    values = [[constant] * 400, np.random.default_rng(1).normal(size=400).tolist()]
    data = outlier_facts(COLUMNS[:2], values, seed=1)
    assert data is not None
    one = OutlierScorer(OutlierFacts.parse(data), NAMES[:2])
    assert one.score([[constant], [0.0]])[0] < LIMIT
    assert one.score([[constant * 1.1 + 1.0], [0.0]])[0] == 1.0


@pytest.mark.filterwarnings("error")
def test_columns_without_a_value_and_extreme_numbers_have_a_score() -> None:
    """Nothing overflows into a score that is no number."""
    values: Values = [[None] * 100, [1e30, -1e30] * 50]
    data = outlier_facts(COLUMNS[:2], values, seed=1)
    assert data is not None
    one = OutlierScorer(OutlierFacts.parse(data), NAMES[:2])
    found = one.score([[None, 1.0], [-1e30, 1e30]])
    assert all(0 <= score <= 1 for score in found)


def test_too_few_rows_tell_nothing() -> None:
    """Such a version answers without it."""
    assert outlier_facts(COLUMNS, drawn(FEWEST_ROWS - 1, seed=1), seed=1) is None


def test_the_same_rows_and_seed_give_the_same_file() -> None:
    """So a version that is built again has the same digest."""
    values = drawn(300, seed=2)
    assert outlier_facts(COLUMNS, values, seed=5) == outlier_facts(COLUMNS, values, seed=5)


@pytest.mark.parametrize("onnx", [True, False], ids=["onnx", "sklearn"])
def test_a_version_answers_and_logs_it(tmp_path: Path, *, onnx: bool) -> None:
    """As a further output, with either engine."""
    log = MemoryLog()
    model = load(save(tmp_path / "version", spec_of(), onnx=onnx), log)
    rows = flights(20).assign(distance=lambda frame: frame["distance"].where(frame.index > 0, 1e9))
    found = outputs(answered(model, asked(rows)))
    assert list(found) == ["score", OUTLIER_SCORE]
    assert found[OUTLIER_SCORE][0] > LIMIT
    assert found[OUTLIER_SCORE][1:].mean() < 0.9
    assert log.records[0].outlier_scores == found[OUTLIER_SCORE].tolist()
    only = outputs(answered(model, asked(rows, outputs=[{"name": "score"}])))
    assert list(only) == ["score"]
    assert log.records[1].outlier_scores == log.records[0].outlier_scores


def test_a_version_without_it_answers_without_it_and_says_so(tmp_path: Path) -> None:
    """The refusal of the output names the option."""
    log = MemoryLog()
    folder = save(tmp_path / "version", spec_of(outlier_scores=False))
    assert not (folder / outlier_scores.FILE).exists()
    model = load(folder, log)
    assert list(outputs(answered(model, asked(flights(2))))) == ["score"]
    assert log.records[0].outlier_scores is None
    refused = answered(model, asked(flights(2), outputs=[{"name": OUTLIER_SCORE}]))
    assert "deployment.outlier_scores: true" in str(refused)


def test_the_log_has_a_column_of_it(tmp_path: Path) -> None:
    """Requests of a version of before have none; a segment holds one version's alone."""
    store = MemoryStore()
    model = load(save(tmp_path / "version", spec_of()), MemoryLog())
    header = header_of(MODEL, 1, model.engine, PersonalColumns({}, NO_KEYS))
    with WriteAheadLog(tmp_path / "log" / MODEL, header=header, options=Options()) as log:
        columns = [[1.0, 2.0], [None, 3.0], ["AA", "DL"], [None, "JFK"]]
        scored = Record("r1", 0, None, None, columns, [0.1, 0.2], probe=False)
        scored.outlier_scores = [0.5, 1.0]
        log.append(scored)
    assert ship_segments(store, tmp_path / "log") == 1
    [key] = [entry.key for entry in store.list("predictions")]
    table = pd.DataFrame(pq.read_table(_file(store, key)).to_pydict())
    assert table[OUTLIER_SCORE].tolist() == [0.5, 1.0]


def _file(store: MemoryStore, key: str) -> Any:
    import io

    return io.BytesIO(store.read(key))


def test_a_record_of_before_is_read_without_it() -> None:
    """A segment that an older server wrote is shipped by a newer one."""
    import msgspec

    line = json.dumps(["r1", 0, None, None, [[1.0]], [0.5], False])
    assert msgspec.json.decode(line.encode(), type=Record).outlier_scores is None
