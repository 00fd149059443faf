"""Check a search against the estimator whose parameters it tries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at, unknown_name
from slipway.spec.problems import Problem, format_value
from slipway.spec.search import AUTO, SearchedValues
from slipway.spec.searchable_params import SEARCHABLE, Searchable
from slipway.spec.yaml_reader import Document, Where


def search_problems(
    spec: ModelSpec, document: Document, *, own: Collection[str]
) -> Iterator[Problem]:
    """Yield the problems of a search.

    Args:
        spec: Spec of the model.
        document: Its `model.yaml`.
        own: Functions of its `pipeline.py`; one that builds the estimator takes any parameters.
    """
    if "estimator" in own:
        if spec.estimator.name == AUTO:
            summary = f"given {AUTO!r}, but pipeline.py builds the estimator"
            hint = "remove `estimator` from pipeline.py, or name an estimator"
            yield problem_at(document, ("estimator", "name"), summary, hint=hint)
        return
    known = SEARCHABLE.get(spec.estimator.name)
    if spec.search is None or known is None:
        return
    for name, values in spec.search.space.items():
        where: Where = ("search", "space", name)
        row = known.get(name)
        if row is None:
            summary = f"which a search cannot try for {spec.estimator.name}"
            yield unknown_name(document, where, name, summary=summary, allowed=known)
        else:
            yield from _outside(document, where, name, values, row)


def _outside(
    document: Document, where: Where, name: str, values: SearchedValues, row: Searchable
) -> Iterator[Problem]:
    """Values that the estimator refuses."""
    for field, value in _given(values, row).items():
        if not row.takes(value):
            summary = f"given {format_value(value)}; {name} takes {row}"
            yield problem_at(document, (*where, *field), summary)
    ends = [end for end in (values.low, values.high) if end is not None]
    if isinstance(values.step, float) and ends and row.has_whole_range(*ends):
        summary = f"given {values.step:g}; a range of whole numbers has a whole step"
        yield problem_at(document, (*where, "step"), summary)


def _given(values: SearchedValues, row: Searchable) -> Mapping[Where, object]:
    """Values that a search names; the ends of a range of real numbers are both real."""
    if values.choices is not None:
        return {("choices", place): one for place, one in enumerate(values.choices)}
    ends: Mapping[Where, float | None] = {("low",): values.low, ("high",): values.high}
    known = {where: end for where, end in ends.items() if end is not None}
    if row.real is None or row.has_whole_range(*known.values()):
        return known
    return {where: float(end) for where, end in known.items()}
