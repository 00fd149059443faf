"""What of a delivery may enter the tables: rows are sorted, batches may be blocked.

Pure apart from the port that evaluates expectations.
A row that cannot be cast, lacks what it may not lack, repeats a key or breaks a critical row-level
expectation is bad, with every reason; what is left is judged as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from slipway.errors import BadBatch
from slipway.spec import Column, DatasetSpec, Expectation
from slipway.stages.ingest.casting import Casting, cast

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation.

    Attributes:
        expectation: Great Expectations name.
        columns: Columns that it is about; empty: the table.
        severity: `critical` or `warning`.
        success: Whether it was met.
        rows: Index labels of the rows that break it; None: it is about the batch as a whole.
        observed: What was seen, where that is one number.
    """

    expectation: str
    columns: tuple[str, ...]
    severity: Literal["critical", "warning"]
    success: bool
    rows: tuple[int, ...] | None = None
    observed: float | None = None

    def __str__(self) -> str:
        about = f" of {', '.join(self.columns)}" if self.columns else ""
        if self.rows is not None:
            return f"{self.expectation}{about} ({len(self.rows)} rows)"
        seen = "" if self.observed is None else f" (observed {self.observed:.6g})"
        return f"{self.expectation}{about}{seen}"

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON, with the number of rows instead of their labels."""
        return {
            "expectation": self.expectation,
            "columns": list(self.columns),
            "severity": self.severity,
            "success": self.success,
            "unexpected_rows": None if self.rows is None else len(self.rows),
            "observed": self.observed,
        }


class Suites(Protocol):
    """Evaluates expectations."""

    def validate(self, frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[Outcome]:
        """What became of each expectation, in their order.

        Raises:
            SpecError: An expectation is written wrongly, or cannot be computed on such columns.
        """

    def row_level(self, expectation: Expectation) -> bool:
        """Whether it judges rows one by one, rather than the batch as a whole.

        Raises:
            SpecError: There is no such expectation.
        """


@dataclass(frozen=True)
class Examination:
    """A delivery, sorted.

    Attributes:
        good: Rows that may be published, in the spec's types.
        reasons: By index label of each bad row, all that is wrong with it.
        outcomes: Of every expectation.
        blocks: Why the batch as a whole may not enter; empty when it may.
        warnings: What a person should know and nothing was done about.
    """

    good: pd.DataFrame
    reasons: Mapping[int, str]
    outcomes: tuple[Outcome, ...]
    blocks: tuple[str, ...]
    warnings: tuple[str, ...]


def examine(
    delivered: pd.DataFrame,
    *,
    spec: DatasetSpec,
    stream: Literal["features", "labels"],
    suites: Suites,
) -> Examination:
    """A delivery sorted into good and bad rows, and judged as a whole.

    Args:
        delivered: Its rows as they were delivered; the index counts them from 0.
        spec: Of the dataset.
        stream: Which of its streams.
        suites: Evaluates expectations.

    Raises:
        BadBatch: A declared column is missing.
        SpecError: An expectation is written wrongly.
    """
    asked = spec.streams.features if stream == "features" else spec.streams.labels
    expectations = spec.expectations.get(stream, [])
    _need_columns(delivered, asked.columns)
    casting = cast(delivered, asked.columns)
    by_row = [one for one in expectations if suites.row_level(one)]
    whole = [one for one in expectations if not suites.row_level(one)]
    outcomes = suites.validate(casting.frame, by_row)
    reasons = _join(
        [
            *_cast_faults(casting, asked.columns),
            *_missing_values(casting, _required(spec, asked.columns)),
            *_repeated_keys(casting.frame[spec.key]),
            *_broken_rows(outcomes),
        ]
    )
    good = casting.frame.drop(index=list(reasons))
    outcomes = [*outcomes, *(suites.validate(good, whole) if len(good) else [])]
    return Examination(
        good=good,
        reasons=reasons,
        outcomes=tuple(outcomes),
        blocks=tuple(_blocks(len(delivered), good, outcomes, share=asked.quarantine_max_share)),
        warnings=tuple(_warnings(delivered, casting.frame, outcomes)),
    )


def _need_columns(delivered: pd.DataFrame, columns: Mapping[str, Column]) -> None:
    missing = [name for name in columns if name not in delivered]
    if missing:
        raise BadBatch(
            f"the file lacks {'columns' if len(missing) > 1 else 'column'} {', '.join(missing)}",
            expected=", ".join(columns),
            found=", ".join(map(str, delivered.columns)),
        )


Fault = tuple[Sequence[int], str]
"""Index labels of rows, and what is wrong with them."""


def _cast_faults(casting: Casting, columns: Mapping[str, Column]) -> list[Fault]:
    return [
        (list(rows.index[rows]), f"{name} is not of type {columns[name].type}")
        for name, rows in casting.failed.items()
    ]


def _required(spec: DatasetSpec, columns: Mapping[str, Column]) -> list[str]:
    """Columns that every row needs: as declared, and what places it, whatever is declared."""
    placed = {spec.key, spec.event_time}
    return [name for name, column in columns.items() if name in placed or not column.nullable]


def _missing_values(casting: Casting, required: Sequence[str]) -> list[Fault]:
    faults: list[Fault] = []
    for name in required:
        missing = casting.frame[name].isna()
        if name in casting.failed:
            missing &= ~casting.failed[name]
        faults.append((list(missing.index[missing]), f"{name} is missing"))
    return faults


def _repeated_keys(keys: pd.Series) -> list[Fault]:
    # Which of two rows with one key is right, nobody can tell; so neither enters.
    repeated = keys.notna() & keys.duplicated(keep=False)
    return [(list(keys.index[repeated]), f"{keys.name} is repeated in this batch")]


def _broken_rows(outcomes: Sequence[Outcome]) -> list[Fault]:
    return [
        (one.rows, f"{one.expectation} of {', '.join(one.columns)}")
        for one in outcomes
        if one.severity == "critical" and not one.success and one.rows is not None
    ]


def _join(faults: Sequence[Fault]) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for rows, said in faults:
        for row in rows:
            reasons[row] = f"{reasons[row]}; {said}" if row in reasons else said
    return dict(sorted(reasons.items()))


def _blocks(
    rows: int, good: pd.DataFrame, outcomes: Sequence[Outcome], *, share: float
) -> list[str]:
    blocks = [
        f"{one} failed"
        for one in outcomes
        if one.severity == "critical" and not one.success and one.rows is None
    ]
    bad = rows - len(good)
    if bad / rows > share:
        blocks.insert(0, f"{bad} of {rows} rows are bad, more than the allowed {share:.1%}")
    elif bad == rows:
        blocks.insert(0, "no row is good")
    return blocks


def _warnings(
    delivered: pd.DataFrame, rows: pd.DataFrame, outcomes: Sequence[Outcome]
) -> list[str]:
    empty = rows.columns[rows.isna().all()]
    warnings = [f"column {name} holds no value at all" for name in empty]
    extra = [str(name) for name in delivered if name not in rows]
    if extra:
        warnings.append(f"left out what the spec does not declare: {', '.join(extra)}")
    failed = [one for one in outcomes if one.severity == "warning" and not one.success]
    return [*warnings, *(f"{one} failed" for one in failed)]
