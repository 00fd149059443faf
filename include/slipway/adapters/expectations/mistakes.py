"""Find errors in how expectations are written, by Great Expectations' own definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from great_expectations.expectations.expectation import Expectation as GxExpectation

from slipway.adapters.expectations.offered import build, offered
from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.spec.expectation_arguments import argument_faults
from slipway.spec.problems import nearest

_NOT_FOR_SPECS = {*GxExpectation.__fields__, "batch_id", "condition_parser", "row_condition"}


@dataclass(frozen=True)
class Mistake:
    """An error in how one expectation is written.

    Attributes:
        position: Index in the stream's list, from 0.
        argument: Argument with the error; empty: the expectation as a whole.
        summary: Description of the error.
        nearest: Closest allowed name.
    """

    position: int
    argument: str
    summary: str
    nearest: str | None = None

    def __str__(self) -> str:
        nearest = "" if self.nearest is None else f"; did you mean {self.nearest!r}?"
        about = f"{self.argument}: " if self.argument else ""
        return f"expectation {self.position + 1}: {about}{self.summary}{nearest}"


def check_expectations(expectations: Sequence[Expectation]) -> list[Mistake]:
    """Return the errors in a stream's expectations, by Great Expectations' own definitions."""
    return [
        mistake
        for position, expectation in enumerate(expectations)
        for mistake in mistakes_of(position, expectation)
    ]


def mistakes_of(position: int, expectation: Expectation) -> Iterator[Mistake]:
    """Yield the errors in one expectation."""
    kind = offered().get(expectation.expect)
    if kind is None:
        summary = f"Great Expectations has no {expectation.expect!r}"
        yield Mistake(position, "", summary, nearest(expectation.expect, offered()))
        return
    for name in sorted(_NOT_FOR_SPECS & expectation.kwargs.keys()):
        yield Mistake(position, name, "is no argument that a spec may set")
        return
    try:
        build(expectation, position)
    except (ValueError, TypeError) as error:
        yield from _wrong_arguments(position, kind, error)
        return
    for fault in argument_faults(expectation.kwargs):
        yield Mistake(position, "", f"{expectation.expect} {fault}")


def _wrong_arguments(
    position: int, kind: type[GxExpectation], error: Exception
) -> Iterator[Mistake]:
    allowed = sorted(set(kind.__fields__) - _NOT_FOR_SPECS)
    details: list[dict[str, Any]] = getattr(error, "errors", list)()
    if not details:
        yield Mistake(position, "", str(error))
    unknown = [one for one in details if one["type"] == "value_error.extra"]
    # Further errors often follow from the misspelt argument.
    for one in unknown or _one_for_each_place(details):
        place = ".".join(str(part) for part in one["loc"] if part != "__root__")
        if one in unknown:
            summary = f"is no argument of {kind.expectation_type}; allowed: {', '.join(allowed)}"
            yield Mistake(position, place, summary, nearest(place, allowed))
        else:
            yield Mistake(position, place, one["msg"])


def _one_for_each_place(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({one["loc"]: one for one in reversed(details)}.values())[::-1]


def raise_mistakes(mistakes: Sequence[Mistake] | Iterator[Mistake]) -> None:
    """Raise unless there are no errors.

    Raises:
        SpecError: There are; the message lists all.
    """
    found = [str(mistake) for mistake in mistakes]
    if found:
        raise SpecError(
            "an expectation is invalid",
            found="; ".join(found),
            where="expectations.yaml",
            hint="`slipway check` names the line",
        )
