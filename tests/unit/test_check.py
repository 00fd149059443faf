"""The second part of `slipway check`: code and arguments of expectations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.spec import Expectation
from slipway.spec.loading import load_all
from slipway.stages.report.check import inspect_project
from slipway.wiring.check import expectation_check
from tests.support.small_specs import EXPECTATIONS, FILES

Make = Callable[[Mapping[str, str]], Path]


@dataclass(frozen=True)
class Wrong:
    """A fake of `ExpectationMistake`."""

    position: int
    argument: str
    summary: str
    nearest: str | None = None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def features(frame):\n    return frame +\n", "is not Python: invalid syntax"),
        (b"x = '\xff'\n", "is not Python: "),
        (b"x = 1\0", "is not Python: "),
    ],
)
def test_broken_pipeline_is_a_problem(project: Make, source: bytes, message: str) -> None:
    """A `pipeline.py` that Python cannot parse is reported with file and line, and never run."""
    root = project(FILES)
    (root / "include/models/sales/pipeline.py").write_bytes(source)
    inspected = inspect_project(root, load_all(root))
    (problem,) = inspected.problems
    assert problem.file == "include/models/sales/pipeline.py"
    assert message in problem.summary
    assert list(inspected.models) == []


def test_pipeline_is_not_run(project: Make) -> None:
    """The check parses the source and does not import it."""
    source = {"models/sales/pipeline.py": "raise SystemExit('it ran')\n"}
    root = project({**FILES, **source})
    assert inspect_project(root, load_all(root)).problems == ()


def test_mistake_of_the_tool_has_its_line(project: Make) -> None:
    """The tool's message about an argument has the line of that argument."""

    def check(expectations: Sequence[Expectation]) -> list[Wrong]:
        if expectations[0].kwargs["column"] == "sold":
            return []
        return [Wrong(0, "min_value", "is not a number"), Wrong(0, "", "is unknown", "expect_x")]

    root = project(FILES)
    inspected = inspect_project(root, load_all(root), expectations=check)
    file = "include/datasets/shop/expectations.yaml"
    assert [str(problem) for problem in inspected.problems] == [
        f"{file}:2: features.0.expect: is unknown; did you mean 'expect_x'?",
        f"{file}:3: features.0.kwargs.min_value: is not a number",
    ]
    assert (list(inspected.datasets), list(inspected.models)) == ([], ["sales"])


def test_great_expectations_refuses_what_it_does_not_know(project: Make) -> None:
    """A misspelt expectation is found by the tool that evaluates it."""
    misspelt = EXPECTATIONS.replace("to_be_between", "to_be_betwixt")
    root = project({**FILES, "datasets/shop/expectations.yaml": misspelt})
    (problem,) = inspect_project(root, load_all(root), expectations=expectation_check()).problems
    assert problem.line == 2
    assert problem.nearest == "expect_column_values_to_be_between"
