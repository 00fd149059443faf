"""Check a project beyond its specs: expectations, queries of KPIs, syntax of `pipeline.py`.

Too slow for parse time; run before a change is merged.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from slipway.spec.dataset import DatasetSpec, Expectation
from slipway.spec.loading import Loaded
from slipway.spec.model import ModelSpec
from slipway.spec.problems import Problem, sort_problems
from slipway.spec.pydantic_errors import dotted
from slipway.spec.yaml_reader import read_document


class ExpectationMistake(Protocol):
    """Mistake in one expectation, as the validating tool reports it."""

    @property
    def position(self) -> int:
        """Index in its stream's list, from 0."""

    @property
    def argument(self) -> str:
        """Name of the argument; empty: the expectation as a whole."""

    @property
    def summary(self) -> str:
        """Description of the mistake."""

    @property
    def nearest(self) -> str | None:
        """Nearest valid name, or None."""


ExpectationCheck = Callable[[Sequence[Expectation]], Sequence[ExpectationMistake]]
"""Finds the mistakes in a stream's expectations."""


KpiCheck = Callable[[Path, ModelSpec, DatasetSpec], Iterator[Problem]]
"""Finds the queries of a model, of that folder, that cannot be carried out."""


def inspect_project(
    project: Path,
    loaded: Loaded,
    *,
    expectations: ExpectationCheck | None = None,
    kpis: KpiCheck | None = None,
) -> Loaded:
    """Check loaded specs more closely; a model or dataset that fails joins the broken ones.

    Args:
        project: Folder that the specs were loaded from.
        loaded: What was loaded.
        expectations: The validating tool's own check; None: it is not installed.
        kpis: The query tool's own check; None: it is not installed.
    """
    datasets, models = project / "include" / "datasets", project / "include" / "models"
    found = [problem for name in loaded.models for problem in _source(models / name)]
    if expectations is not None:
        for name, spec in loaded.datasets.items():
            found += _arguments(datasets / name, spec, expectations)
    if kpis is not None:
        for name, model in loaded.models.items():
            dataset = loaded.datasets.get(model.dataset)
            if dataset is not None:
                found += kpis(models / name, model, dataset)
    broken = {tuple(problem.file.split("/")[1:3]) for problem in found}
    return replace(
        loaded,
        datasets={k: v for k, v in loaded.datasets.items() if ("datasets", k) not in broken},
        models={k: v for k, v in loaded.models.items() if ("models", k) not in broken},
        problems=sort_problems([*loaded.problems, *found]),
    )


def _source(folder: Path) -> Iterator[Problem]:
    source = folder / "pipeline.py"
    file = "/".join(source.parts[-4:])
    try:
        ast.parse(source.read_bytes(), filename=file)
    except FileNotFoundError:
        return
    except SyntaxError as error:
        yield Problem(file, error.lineno, "", f"is not Python: {error.msg}")
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        yield Problem(file, None, "", f"cannot be read as Python: {error}")


def _arguments(folder: Path, spec: DatasetSpec, check: ExpectationCheck) -> Iterator[Problem]:
    document = read_document(folder / "expectations.yaml")
    for stream, expectations in spec.expectations.items():
        for wrong in check(expectations):
            part = ("kwargs", wrong.argument) if wrong.argument else ("expect",)
            where = (stream, wrong.position, *part)
            line, field = document.line(where), dotted(where)
            yield Problem(document.file, line, field, wrong.summary, nearest=wrong.nearest)
