"""Examples of the guides load, pass `slipway check`, and are answered."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from slipway.adapters.model_package.learner import SklearnLearner
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.signature import Signature
from slipway.spec.loading import load_all
from slipway.stages.ports.raw_column import signature_of
from slipway.stages.report.check import inspect_project
from slipway.wiring.check import expectation_check

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
BLOCK = re.compile(
    r"(?:^`include/(?P<path>[\w./-]+)`\n+)?^```(?P<language>\w+)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
CURL = re.MULTILINE | re.DOTALL
MODEL = "models/parcel_hours/model.yaml"
DATASET = "datasets/parcels/dataset.yaml"

Make = Callable[[Mapping[str, str]], Path]


@dataclass(frozen=True)
class Block:
    """A fenced block of a guide; `path` is its file below `include/`."""

    guide: str
    path: str | None
    language: str
    text: str


def blocks() -> Iterator[Block]:
    """Every fenced block of every guide."""
    for guide in sorted(GUIDES.glob("*.md")):
        for found in BLOCK.finditer(guide.read_text()):
            yield Block(guide.name, found["path"], found["language"], found["text"])


def files() -> dict[str, str]:
    """Every block with a file name, by its path."""
    return {block.path: block.text for block in blocks() if block.path is not None}


def parts_of_a_spec() -> list[Block]:
    """YAML blocks without a file name: additions to the spec of the model or of the dataset.

    An object of a cluster, which has an `apiVersion`, is none.
    """
    without_name = [one for one in blocks() if one.language == "yaml" and one.path is None]
    return [one for one in without_name if "apiVersion" not in yaml.safe_load(one.text)]


def test_the_example_folders_load(project: Make) -> None:
    """A copy of dataset and model has no problem."""
    loaded = load_all(project(files()))
    assert [str(problem) for problem in loaded.problems] == []
    assert set(loaded.datasets) == {"parcels"}
    assert set(loaded.models) == {"parcel_hours"}


def test_the_example_folders_pass_the_closer_look(project: Make) -> None:
    """Great Expectations accepts every expectation, and the code is valid Python."""
    root = project(files())
    checked = inspect_project(root, load_all(root), expectations=expectation_check())
    assert [str(problem) for problem in checked.problems] == []


def test_the_example_code_defines_what_training_looks_for() -> None:
    """Training calls each function of the guide's `pipeline.py`."""
    for path, text in files().items():
        if path.endswith("pipeline.py"):
            body = ast.parse(text).body
            defined = {node.name for node in body if isinstance(node, ast.FunctionDef)}
            assert defined
            assert defined <= {"features", "transformer", "estimator", "split"}


def test_the_example_code_learns(project: Make) -> None:
    """The guide's hooks work together, and their model can be saved and loaded."""
    loaded = load_all(project(files()))
    source = files()[MODEL.replace("model.yaml", "pipeline.py")]
    learner = SklearnLearner(loaded.models["parcel_hours"], loaded.datasets["parcels"], source)
    count = 200
    rows = pd.DataFrame(
        {
            "weight_kg": [1.0 + number % 7 for number in range(count)],
            "distance_km": [None if number % 9 == 0 else 10.0 * number for number in range(count)],
            "carrier": [("north", "south")[number % 2] for number in range(count)],
            "hours_in_transit": [12.0 + 30 * (number % 2) for number in range(count)],
        }
    )
    learned = learner.learn(rows)
    assert "usual_hours" in learned.package.pipeline["prepare"].transformers_[0][2]
    assert abs(learned.predict(rows) - rows["hours_in_transit"]).max() < 1


@pytest.mark.parametrize(
    "part", parts_of_a_spec(), ids=lambda part: f"{part.guide}: {part.text[-20:].strip()}"
)
def test_a_part_of_a_spec_fits_into_the_example(project: Make, part: Block) -> None:
    """Every addition to `model.yaml`, or of the dataset's own fields, can be inserted."""
    added = yaml.safe_load(part.text)
    path = DATASET if added.keys() & {"csv", "streams", "key", "event_time"} else MODEL
    spec = yaml.safe_load(files()[path])
    # A part is whole sections, or some fields of them.
    either = [
        load_all(project(files() | {path: yaml.safe_dump(one)})).problems
        for one in (spec | added, _merged(spec, added))
    ]
    assert [] in [list(problems) for problems in either], [str(one) for one in either[0]]


def _merged(spec: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """The spec with the fields of a part; of nested sections those that the part has."""
    both = {name: value for name, value in added.items() if isinstance(spec.get(name), dict)}
    nested = {
        name: _merged(spec[name], value) if isinstance(value, dict) else value
        for name, value in both.items()
    }
    return spec | added | nested


def test_the_example_request_fits_the_example_model(project: Make) -> None:
    """A server of the example's model would answer the guide's request."""
    loaded = load_all(project(files()))
    dataset = loaded.datasets["parcels"]
    columns = signature_of(loaded.models["parcel_hours"], dataset)
    signature = Signature(
        columns=columns,
        key=dataset.identity.key.column,
        event_time=dataset.identity.time.column,
    )
    requests = [block.text for block in blocks() if block.language == "json"]
    assert requests
    for text in requests:
        body = json.dumps(json.loads(text)).encode()
        assert decode(body, signature, max_rows=100).keys == ["p-1", "p-2"]


def test_the_request_that_curl_sends_fits_the_model_that_it_asks() -> None:
    """The signature of flight_delay decodes the guide's requests."""
    (request,) = [
        found
        for block in blocks()
        if block.guide == "asking.md"
        for found in re.findall(r"/models/(\w+)/infer\" <<'END'\n(.*?)^END$", block.text, CURL)
    ]
    model, body = request
    loaded = load_all(GUIDES.parents[1])
    dataset = loaded.datasets[loaded.models[model].dataset]
    columns = signature_of(loaded.models[model], dataset)
    signature = Signature(
        columns=columns,
        key=dataset.identity.key.column,
        event_time=dataset.identity.time.column,
    )
    assert decode(body.encode(), signature, max_rows=2).rows == 2
