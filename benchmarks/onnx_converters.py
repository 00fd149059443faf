"""Slipway's ONNX form of every estimator, compared with those of skl2onnx and onnxmltools.

All are judged by the same parity gate, on the same rows. `library` is the libraries' public
interface; `repaired` also corrects their trees. Both are installed in `build/`, apart from .venv.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from harness import Effort, Ratio, install_peers, run
from rich.console import Console
from rich.table import Table

from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.onnx_form import OnnxForm, write_onnx
from slipway.adapters.model_package.onnx_parity import compare
from slipway.adapters.onnx_model import OnnxModel
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.estimators import ESTIMATORS
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.train.engine_choice import ParityCheck, choose_engine

HERE = Path(__file__).resolve().parent
LOCK = HERE / "converter_peers" / "requirements.txt"
PEERS = HERE.parent / "build" / "peer-converters"

NUMBERS, TEXTS = ("wind", "tide", "decks"), ("port", "berth")
PORTS = ("Oban", "Mallaig", "", " ", "nan", "None", None)
DATASET = DatasetSpec.model_validate(
    {
        "dataset": "ferries",
        "key": "id",
        "event_time": "at",
        "streams": {
            "features": {
                "columns": {
                    "id": {"type": "string", "nullable": False},
                    "at": {"type": "timestamp", "nullable": False},
                    **{name: {"type": "number"} for name in NUMBERS},
                    **{name: {"type": "string"} for name in TEXTS},
                }
            },
            "labels": {"columns": {"id": {"type": "string"}, "late": {"type": "number"}}},
        },
    }
)


@dataclass(frozen=True)
class Case:
    """An estimator as named in specs, its params, and its number of training rows."""

    estimator: str
    params: Mapping[str, Any]
    rows: int

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.params.items())
        count = f", {self.rows:,} rows" if self.rows > FEW else ""
        return f"{self.estimator.rpartition('.')[2]}({given}){count}"


FEW, MANY = 600, 10_000
GAPS = 0.1
TREES = "sklearn.ensemble."
PARAMS: Sequence[tuple[str, Mapping[str, Any], int]] = (
    ("xgboost.XGBClassifier", {"base_score": 0.02, "n_estimators": 500}, FEW),
    ("xgboost.XGBClassifier", {"num_parallel_tree": 3, "subsample": 0.5}, FEW),
    ("xgboost.XGBRegressor", {"objective": "reg:absoluteerror"}, FEW),
    ("xgboost.XGBRegressor", {"objective": "reg:gamma"}, FEW),
    ("sklearn.linear_model.Ridge", {"fit_intercept": False}, FEW),
    (f"{TREES}HistGradientBoostingRegressor", {"loss": "poisson"}, FEW),
    (f"{TREES}RandomForestClassifier", {"n_estimators": 30}, MANY),
    (f"{TREES}RandomForestRegressor", {"n_estimators": 30}, MANY),
)


@dataclass(frozen=True)
class Tried:
    """Result of one converter for one case.

    Attributes:
        data: The ONNX form; None if the conversion failed.
        seconds: Time of the conversion.
        verdict: Verdict of the gate, or why there is no form.
        compared: Comparisons by kind of rows.
        row_us: Time for one row in the fastest round, in microseconds; NaN without a form.
    """

    data: bytes | None
    seconds: float
    verdict: str
    compared: Sequence[ParityCheck] = ()
    row_us: float = np.nan

    @property
    def passed(self) -> bool:
        """Whether the form passes the gate."""
        return bool(self.compared) and all(one.agrees for one in self.compared)

    @property
    def difference(self) -> float:
        """Largest difference, absolute below 1 and relative above."""
        return max((one.max_difference for one in self.compared), default=np.nan)


Converter = Callable[[LearnedModel], bytes]


def measure(effort: Effort) -> Iterator[Ratio]:
    """Convert, compare and time every case; the table goes to standard error with `--json`."""
    logging.disable(logging.WARNING)
    converters = line_up()
    cases = [Case(name, {}, FEW) for name in ESTIMATORS]
    if not effort.quick:
        cases += [Case(*one) for one in PARAMS]
    tried: dict[str, list[Tried]] = {name: [] for name in converters}
    table = Table("case", "converter", "gate", *("max diff", "flips", "s", "KB", "row/own"))
    for case in cases:
        print(f"trying {case}", file=sys.stderr, flush=True)
        results = try_all(case, converters, rounds=effort.pick(quick=20, full=40))
        for name, one in results.items():
            tried[name].append(one)
            table.add_row(str(case) if name == "own" else "", name, *cells(one, results["own"]))
        table.add_section()
    Console(stderr=effort.options.json, width=150).print(table)
    yield from ratios(tried)


def line_up() -> dict[str, Converter]:
    """Return the converters by name; the libraries are installed first if needed."""
    install_peers(LOCK, PEERS)
    sys.path.append(str(PEERS))
    from converter_peers.library import AS_IT_COMES, register
    from converter_peers.repairs import REPAIRED

    register()

    def own(model: LearnedModel) -> bytes:
        return write_onnx(model.package.pipeline, model.package.columns).data

    def by(library: Any) -> Converter:
        def convert(model: LearnedModel) -> bytes:
            data: bytes = library.convert(model.package.pipeline, model.package.columns)
            return data

        return convert

    return {"own": own, "library": by(AS_IT_COMES), "repaired": by(REPAIRED)}


def try_all(case: Case, converters: Mapping[str, Converter], *, rounds: int) -> dict[str, Tried]:
    """Return the result of each converter; one row is timed in rounds, converters in turn."""
    model, reference = learn(case)
    own = write_onnx(model.package.pipeline, model.package.columns)
    results = {name: try_one(model, reference, own, one) for name, one in converters.items()}
    sessions = {name: session(model, one.data) for name, one in results.items() if one.data}
    row = [
        [value] for value in reference.features[[*NUMBERS, *TEXTS]].iloc[0].replace({np.nan: None})
    ]
    spent: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(rounds):
        for name, form in sessions.items():
            began = time.perf_counter()
            for _ in range(50):
                form.score(row)
            spent[name].append((time.perf_counter() - began) * 1e6 / 50)
    return {
        name: Tried(
            one.data, one.seconds, one.verdict, one.compared, min(spent.get(name, [np.nan]))
        )
        for name, one in results.items()
    }


def try_one(
    model: LearnedModel, reference: ReferenceRows, own: OnnxForm, convert: Converter
) -> Tried:
    """Convert with one converter and judge the form, on the splits of Slipway's own form."""
    began = time.perf_counter()
    try:
        data = convert(model)
        seconds = time.perf_counter() - began
        compared = compare(model.package, OnnxForm(data, own.splits), reference)
    except Exception as error:  # noqa: BLE001 - any error of the libraries is the verdict
        return Tried(None, np.nan, f"none: {type(error).__name__}")
    engine = choose_engine(compared, labels=model.package.task == "classification")
    return Tried(data, seconds, "passed" if engine.name == "onnx" else "refused", compared.checks)


def session(model: LearnedModel, data: bytes) -> OnnxModel:
    """Load a form as a server does."""
    columns = model.package.columns
    features = [asdict(column) for column in columns]
    return OnnxModel(data, {"features": features})


def learn(case: Case) -> tuple[LearnedModel, ReferenceRows]:
    """Return a fitted model, and the reference rows for the gate."""
    spec, rows = spec_of(case), crossings(case.rows)
    if spec.task == "classification":
        rows["late"] = (rows["late"] > rows["late"].median()).astype("int64")
    model = SklearnLearner(spec, DATASET, None).learn(rows)
    reference = ReferenceRows(
        features=rows[[*NUMBERS, *TEXTS]],
        times=pd.Series(rows.index, name="at"),
        scores=model.predict(rows),
        held_out=rows.index.to_numpy() >= 0.75 * len(rows),
    )
    return model, reference


def spec_of(case: Case) -> ModelSpec:
    """Return the spec of a case's model."""
    task = ESTIMATORS[case.estimator].task
    metric = "roc_auc" if task == "classification" else "r2_score"
    return ModelSpec.model_validate(
        {
            "model": "delay",
            "dataset": "ferries",
            "task": task,
            "target": "late",
            "features": {"numeric": list(NUMBERS), "categorical": list(TEXTS)},
            "estimator": {"name": case.estimator, "params": dict(case.params)},
            "gates": {"metrics": {metric: {}}},
            "monitoring": {"performance": {"metric": metric, "max_absolute_drop": 0.1}},
        }
    )


def crossings(count: int) -> pd.DataFrame:
    """Return crossings with gaps, blank categories, and minutes late.

    `tide` has neighbouring float32 values only, so splits of it are one float32 step apart.
    """
    random = np.random.default_rng(1)
    steps = random.integers(0, 40, count)
    wind = random.normal(size=count)
    port = random.choice(len(PORTS), count)
    minutes = 60 + 20 * wind + 15 * np.sin(steps) + 3 * port + random.normal(size=count)
    return pd.DataFrame(
        {
            "id": [f"c{number}" for number in range(count)],
            "at": pd.date_range("2013-01-01", periods=count, freq="min", tz="UTC"),
            "wind": np.where(random.random(count) < GAPS, np.nan, wind),
            "tide": 1 + steps * float(np.finfo(np.float32).eps),
            "decks": random.integers(1, 5, count).astype(float),
            "port": np.array(PORTS, dtype=object)[port],
            "berth": np.where(random.random(count) < GAPS, None, np.where(wind > 0, "1", "0")),
            "late": np.maximum(minutes, 1.0),
        }
    )


def cells(one: Tried, own: Tried) -> Iterator[str]:
    """Yield the cells of one row of the table."""
    yield one.verdict
    yield "" if np.isnan(one.difference) else f"{one.difference:.1e}"
    yield str(sum(part.flips for part in one.compared)) if one.compared else ""
    yield "" if np.isnan(one.seconds) else f"{one.seconds:.2f}"
    yield "" if one.data is None else f"{len(one.data) / 1000:,.0f}"
    yield "" if np.isnan(one.row_us) else f"{one.row_us / own.row_us:.2f}"


def ratios(tried: Mapping[str, Sequence[Tried]]) -> Iterator[Ratio]:
    """Yield the share of cases that pass, and costs over Slipway's where both have a form."""
    for name, results in tried.items():
        count = sum(one.passed for one in results)
        yield Ratio(f"{name}_passes", count / len(results), f"{count} of {len(results)} cases")
    for name in ("library", "repaired"):
        pairs = [(one, own) for one, own in zip(tried[name], tried["own"], strict=True) if one.data]
        for what, figure in (
            ("seconds", lambda one: one.seconds),
            ("bytes", lambda one: len(one.data)),
            ("row_time", lambda one: one.row_us),
        ):
            found = [figure(one) / figure(own) for one, own in pairs]
            between = f"median of {len(pairs)} cases, from {min(found):.2f} to {max(found):.1f}"
            yield Ratio(f"{name}_{what}_over_own", median(found), between)


if __name__ == "__main__":
    run("onnx_converters", measure)
