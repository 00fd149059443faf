"""Requests that ask for an explanation: what adds up, what is refused, what is logged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slipway.errors import SlipwayError
from slipway.records.store import digest
from slipway.serving.model_server.http_status import status_of
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.v2.explanation import EXPLANATION, EXPLANATION_BASE
from slipway.serving.v2.outputs import SCORE
from slipway.spec import DatasetSpec
from slipway.stages.model import background_rows
from tests.serving.extras_env import (
    MemoryLog,
    answered,
    asked,
    load,
    outputs,
    save,
    spec_of,
)
from tests.serving.model_versions import DATASET, change_manifest, flights
from tests.support.packages import KEYS

EXPLAIN = {"parameters": {"explain": True}}
COLUMNS = ["distance", "temperature", "carrier", "origin"]
TOLERANCE = 1e-9

Versions = dict[tuple[str, str], LoadedModel]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """A loaded version by task and engine."""
    root, found = tmp_path_factory.mktemp("explained"), {}
    for task in ("classification", "multiclass", "regression"):
        for engine in ("onnx", "sklearn"):
            folder = root / f"{task}-{engine}"
            save(folder, spec_of(task), onnx=engine == "onnx")
            found[task, engine] = load(folder, MemoryLog())
            assert found[task, engine].engine.name == engine
    return found


@pytest.fixture
def quick(versions: Versions) -> LoadedModel:
    """The version of two classes."""
    return versions["classification", "onnx"]


@pytest.mark.parametrize("engine", ["onnx", "sklearn"])
@pytest.mark.parametrize("task", ["classification", "multiclass", "regression"])
def test_what_the_columns_add_and_the_base_are_the_score(
    versions: Versions, task: str, engine: str
) -> None:
    """Of each row, and of each class of several."""
    answer = answered(versions[task, engine], asked(flights(5), **EXPLAIN))
    found = outputs(answer)
    scores = found["scores" if task == "multiclass" else SCORE]
    assert found[EXPLANATION].shape[:2] == (5, len(COLUMNS))
    added = found[EXPLANATION].sum(axis=1) + found[EXPLANATION_BASE]
    assert added == pytest.approx(scores, abs=TOLERANCE)
    named = json.loads(answer.body)["outputs"][-2]["parameters"]["features"]
    assert json.loads(named) == COLUMNS


def test_both_engines_explain_alike(versions: Versions) -> None:
    """They score alike, and use the same rows and permutations."""
    request = asked(flights(5), **EXPLAIN)
    one, other = (
        outputs(answered(versions["classification", engine], request))[EXPLANATION]
        for engine in ("onnx", "sklearn")
    )
    assert one == pytest.approx(other, abs=1e-5)
    again = outputs(answered(versions["classification", "onnx"], request))[EXPLANATION]
    assert (one == again).all()


def test_an_explained_request_is_logged_as_any_other(tmp_path: Path) -> None:
    """Once, with its scores, and not before it is explained."""
    log = MemoryLog()
    model = load(save(tmp_path / "version", spec_of(outlier_scores=False)), log)
    [scored] = model.answer([asked(flights(2), **EXPLAIN)])
    assert log.records == []
    found = outputs(model.explain(scored, until=1e12))  # type: ignore[arg-type]
    [record] = log.records
    assert record.scores == found[SCORE].tolist()


def test_an_explanation_may_be_sent_as_bytes(quick: LoadedModel) -> None:
    """As any output may; the parameter asks for it, whichever outputs are named."""
    as_bytes = {"name": EXPLANATION, "parameters": {"binary_data": True}}
    named = {"outputs": [{"name": SCORE}, as_bytes]}
    answer = answered(quick, asked(flights(2), **EXPLAIN, **named))
    head = json.loads(answer.body[: answer.json_bytes])["outputs"]
    assert [one["name"] for one in head] == [SCORE, EXPLANATION, EXPLANATION_BASE]
    tail = np.frombuffer(answer.body[answer.json_bytes :], "<f8").reshape(2, len(COLUMNS))
    whole = outputs(answered(quick, asked(flights(2), **EXPLAIN)))
    assert (tail == whole[EXPLANATION]).all()


def refusal(answer: Any) -> tuple[int, str]:
    """Status and text of a refusal."""
    assert isinstance(answer, SlipwayError)
    return status_of(answer), str(answer)


def test_more_rows_than_the_setting_are_refused_with_the_setting(quick: LoadedModel) -> None:
    """Before anything is scored; the same rows are answered without an explanation."""
    status, text = refusal(answered(quick, asked(flights(33), **EXPLAIN)))
    assert status == 413
    assert "at most 32" in text
    assert "SLIPWAY_EXPLAIN_ROWS" in text
    assert outputs(answered(quick, asked(flights(33))))[SCORE].shape == (33,)


def test_long_texts_are_scored_and_not_explained(quick: LoadedModel) -> None:
    """Each of hundreds of rows of an explanation would hold a copy of them."""
    rows = flights(1).assign(carrier="x" * 100_000)
    status, text = refusal(answered(quick, asked(rows, **EXPLAIN)))
    assert status == 413
    assert "at most 65536 characters" in text
    assert outputs(answered(quick, asked(rows)))[SCORE].shape == (1,)


def test_an_explanation_that_is_late_is_refused_and_not_logged(tmp_path: Path) -> None:
    """It is no failure of the version, so it neither fails over nor stops a canary."""
    log = MemoryLog()
    model = load(save(tmp_path / "version", spec_of()), log)
    status, text = refusal(answered(model, asked(flights(2), **EXPLAIN), until=0.0))
    assert status == 429
    assert "SLIPWAY_EXPLAIN_SECONDS" in text
    assert log.records == []


def test_a_version_without_explanations_says_how_to_get_them(tmp_path: Path) -> None:
    """The option is of the spec, and takes effect with the next training."""
    folder = save(tmp_path / "version", spec_of(explanations=False))
    assert not (folder / background_rows.FILE).exists()
    status, text = refusal(answered(load(folder, MemoryLog()), asked(flights(1), **EXPLAIN)))
    assert status == 400
    assert "deployment.explanations: true" in text


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_the_parameter_is_a_boolean(quick: LoadedModel, value: Any) -> None:
    """Another value is refused, as of every parameter that is read."""
    status, text = refusal(answered(quick, asked(flights(1), parameters={"explain": value})))
    assert status == 400
    assert "explain" in text


def test_an_explanation_is_no_output_of_other_requests(quick: LoadedModel) -> None:
    """A request that names it without the parameter gets a hint with the parameter."""
    status, text = refusal(answered(quick, asked(flights(1), outputs=[{"name": EXPLANATION}])))
    assert status == 422
    assert "`explain`" in text


def test_personal_columns_are_neither_kept_nor_explained(tmp_path: Path) -> None:
    """The other columns add up to the score, from the score with the row's personal value."""
    changed = DATASET.model_dump(exclude_none=True)
    changed["streams"]["features"]["columns"]["carrier"]["pii"] = "drop"
    dataset = DatasetSpec.model_validate(changed)
    folder = save(tmp_path / "version", spec_of(), dataset=dataset)
    for name in ("background", "outliers"):
        assert "carrier" not in (folder / f"slipway/{name}.json").read_text()
    (tmp_path / "keys").write_bytes(KEYS.keys[0])
    model = load(folder, MemoryLog(), pii_key_file=tmp_path / "keys")
    found = outputs(answered(model, asked(flights(6), **EXPLAIN)))
    assert found[EXPLANATION].shape == (6, 3)
    added = found[EXPLANATION].sum(axis=1) + found[EXPLANATION_BASE]
    assert added == pytest.approx(found[SCORE], abs=TOLERANCE)
    assert len(set(found[EXPLANATION_BASE].round(6))) > 1


def test_a_background_that_was_changed_is_not_served(tmp_path: Path) -> None:
    """Its digest is in the manifest, as that of every file."""
    folder = save(tmp_path / "version", spec_of())
    (folder / background_rows.FILE).write_text("{}")
    with pytest.raises(AssertionError, match="Tampered"):
        load(folder, MemoryLog())


def test_a_background_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file of another shape, sealed as it is."""
    folder = save(tmp_path / "version", spec_of())
    data = b'{"rows": []}'
    (folder / background_rows.FILE).write_bytes(data)
    files = json.loads((folder / "slipway/manifest.json").read_text())["files"]
    change_manifest(folder, files=files | {background_rows.FILE: digest(data)})
    with pytest.raises(AssertionError, match=r"background\.json"):
        load(folder, MemoryLog())
