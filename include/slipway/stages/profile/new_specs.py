"""Everything that `slipway new` decides about a file: the plan of a dataset and a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slipway.spec.encodings import Encoding
from slipway.spec.labels import Label
from slipway.spec.wide_columns import GROUP_THEM, describe_wide, wide_of
from slipway.stages.profile.bars import Bar, describe_signal
from slipway.stages.profile.bounds import Expected, expected_of_features, expected_of_target
from slipway.stages.profile.categories import choose_encoding
from slipway.stages.profile.dialect import Dialect
from slipway.stages.profile.event_time import TimeGuess, event_times
from slipway.stages.profile.gates_of_plan import choose_bars, reach_quickly
from slipway.stages.profile.holdout_of_plan import distinct_rows, held_out_rows
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.leaks import sums_to_look_at
from slipway.stages.profile.measured import Column, Measured
from slipway.stages.profile.plausible_times import DEFAULT_DAYS, PlausibleTimes, judge_times
from slipway.stages.profile.protected_attributes import PROTECTED, is_protected
from slipway.stages.profile.quick_model import QuickFit
from slipway.stages.profile.roles import Chosen, Role, plan_columns
from slipway.stages.profile.row_cover import outside_row_key
from slipway.stages.profile.single_columns import single_columns
from slipway.stages.profile.sizes import Sizes, choose_sizes
from slipway.stages.profile.target import TargetGuess
from slipway.stages.profile.unused_times import unused_times, unused_years

_LONG_TOLERANCE = 366
"""Days beyond which an absurd date is likely to pass unnoticed."""

_FEW_ROWS = 60
"""Different rows under which a random holdout may lack a class, or be unlike the others."""


@dataclass(frozen=True)
class NewSpecs:
    """Plan of a dataset and a model.

    Attributes:
        dataset: Name of the dataset.
        model: Name of the model.
        file: Name of the file.
        measured: The file.
        dialect: Dialect of a CSV; None of another format.
        marks: Marks of missing values.
        columns: Columns by name, in the order of the file.
        key: Key.
        time: Event time.
        target: Target.
        sizes: Numbers of training, monitoring and retraining.
        bars: Gates.
        features: Expectations on the features.
        labels: Expectations on the target.
        shares: Share of the rows of each class; empty for a number.
        doubts: What a person should look at.
        is_further: Whether the dataset is there, and only the model is new.
    """

    dataset: str
    model: str
    file: str
    measured: Measured
    dialect: Dialect | None
    marks: tuple[str, ...]
    columns: Mapping[str, Chosen]
    key: KeyGuess
    time: TimeGuess
    target: TargetGuess
    sizes: Sizes
    bars: tuple[Bar, ...]
    features: tuple[Expected, ...]
    labels: tuple[Expected, ...]
    shares: Mapping[Label, float] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    is_further: bool = False

    @property
    def identity(self) -> frozenset[str]:
        """Columns of the key and the event time."""
        return frozenset((*self.key.columns, *self.time.columns))

    def of_role(self, *roles: Role) -> list[Chosen]:
        """Return the columns with one of some roles, in the order of the file."""
        return [one for one in self.columns.values() if one.role in roles]


def plan_specs(
    measured: Measured,
    *,
    file: str,
    names: tuple[str, str],
    dialect: Dialect | None,
    target: TargetGuess,
    fit: QuickFit | None,
    key: KeyGuess | None = None,
    time: TimeGuess | None = None,
    but: Mapping[str, str] | None = None,
    now: datetime,
) -> NewSpecs:
    """Return the plan of a dataset and a model.

    Args:
        measured: The file.
        file: Its name.
        names: Names of dataset and model.
        dialect: Dialect of a CSV; None of another format.
        target: Target.
        fit: Fits a quick model; None: nothing can.
        key: Key that a person named; None: it is guessed.
        time: Event time that a person named; None: it is guessed.
        but: Columns that are no features of the dataset that is there, with the reason; None: the
            dataset is new.
        now: Wall time, which no event time is far ahead of.
    """
    columns, key, time = plan_columns(measured, target, key=key, time=time, but=but or {})
    label = measured.columns[target.column]
    labelled = label.sample.notna()
    times = event_times(measured.columns, time)
    judged = None
    if times is not None:
        judged = judge_times(times, now=now)
        labelled, times = labelled & judged.taken, times.where(judged.taken)
    refused = sum(one.guess.refused for one in measured.columns.values())
    rows = math.floor(int(labelled.sum()) * measured.share * max(0.0, 1 - refused))
    sizes = choose_sizes(
        rows,
        None if times is None else times[labelled.to_numpy()],
        share=measured.share,
        tolerance_days=DEFAULT_DAYS if judged is None else judged.tolerance_days,
    )
    shares = _class_shares(target, label)
    newest = held_out_rows(sizes, times, columns, key=key, labelled=labelled)
    reached = reach_quickly(columns, target, label, newest=newest, rows=measured.rows, fit=fit)
    bars = choose_bars(target, label, reached=reached, shares=shares, rows=sizes.holdout_rows)
    used = [one.column for one in columns.values() if one.role in {"number", "category"}]
    plan = NewSpecs(
        dataset=names[0],
        model=names[1],
        file=file,
        measured=measured,
        dialect=dialect,
        marks=measured.marks,
        columns=columns,
        key=key,
        time=time,
        target=target,
        sizes=sizes,
        bars=bars,
        features=tuple(expected_of_features(used)),
        labels=tuple(expected_of_target(label, classes=_allowed(target, label))),
        shares=shares,
        is_further=but is not None,
    )
    features = {one.name: one for one in used}
    alone = tuple(single_columns(features, label, task=target.task, reached=reached))
    plan = _with_doubts(plan, judged)
    return replace(plan, doubts=(*alone, *plan.doubts))


def _allowed(target: TargetGuess, label: Column) -> tuple[Label, ...]:
    if target.task == "regression" or target.type == "boolean":
        return (True, False) if target.type == "boolean" else ()
    return target.classes or tuple(sorted(_label(one, target) for one in label.counts.index))


def _label(value: Any, target: TargetGuess) -> Label:
    return str(value) if target.type == "string" else int(value)


def _class_shares(target: TargetGuess, label: Column) -> dict[Label, float]:
    if target.task == "regression":
        return {}
    return {_label(one, target): rows / label.known for one, rows in label.counts.items()}


def _is_number(mark: str) -> bool:
    return mark.strip().lstrip("+-").isdecimal()


def _with_doubts(plan: NewSpecs, times: PlausibleTimes | None) -> NewSpecs:
    """Add what a person should look at."""
    doubts = [f"{plan.target.column}: {plan.target.doubt}"] if plan.target.doubt else []
    doubts += [
        f"{name}: {one.guess.doubt}"
        for name, one in plan.measured.columns.items()
        if one.guess.doubt
    ]
    doubts += [
        f"{one.column.name} {PROTECTED}; it is kept as a feature"
        for one in plan.of_role("number", "category")
        if is_protected(one.column)
    ]
    if plan.target.task == "regression":
        features = {one.column.name: one.column for one in plan.of_role("number")}
        doubts += sums_to_look_at(features, plan.measured.columns[plan.target.column])
    padded = [repr(name) for name in plan.columns if name != name.strip()]
    if padded:
        doubts.append(f"{', '.join(padded[:5])}: blanks belong to the name, in requests as well")
    if plan.sizes.split == "random":
        doubts.append(
            "the holdout is drawn at random: it cannot show how a model fares on newer rows"
        )
        different = distinct_rows(plan.columns)
        if different < _FEW_ROWS:
            doubts.append(
                f"only {different} rows differ in more than the target: too few to hold some out"
            )
    if plan.bars and plan.bars[0].reached is None:
        doubts.append("no quick model was fitted, so nothing tells whether the features help")
    doubts += [
        f"{bar.metric}: {describe_signal(bar)}, so `slipway try` may refuse: look at the features"
        for bar in plan.bars
        if bar.reached is not None and not bar.has_signal
    ]
    doubts += [
        f"{mark} means a missing value in every column: `csv.missing` of dataset.yaml"
        for mark in plan.marks
        if _is_number(mark)
    ]
    skipped = 0 if plan.dialect is None else plan.dialect.skip_lines
    if skipped:
        lines = "1 line stands" if skipped == 1 else f"{skipped} lines stand"
        doubts.append(f"{lines} before the table, not read: `csv.skip_lines` of dataset.yaml")
    # A column without a name is most often the index of a data frame.
    doubts += [f"{name} is not read: {why}" for name, why in plan.measured.left_out.items() if name]
    doubts += unused_times(plan.measured.columns, plan.time)
    doubts += unused_years(plan.measured.columns, plan.time)
    doubts += _of_wide(plan)
    doubts += _of_row_key(plan)
    if plan.measured.broken:
        doubts.append(f"{plan.measured.broken:,} lines of the file are no rows")
    doubts += _of_times(plan, times)
    refused = [
        f"{name}: {one.guess.refused:.2%} of its values are refused, and their rows quarantined"
        for name, one in plan.measured.columns.items()
        if one.guess.refused
    ]
    return replace(plan, doubts=(*doubts, *refused))


def _of_wide(plan: NewSpecs) -> list[str]:
    """Categories that are many features together; each column alone is one of few."""
    sizes = {
        one.column.name: one.column.distinct
        for one in plan.of_role("category")
        if choose_encoding(one.column).encoding == Encoding()
    }
    if not (wide := wide_of(sizes)):
        return []
    return [f"{describe_wide(wide)}, each of them a feature: {GROUP_THEM}"]


def _of_times(plan: NewSpecs, times: PlausibleTimes | None) -> Iterator[str]:
    if times is None:
        return
    named, rows = ", ".join(plan.time.columns), len(times.taken)
    missing = rows - int(times.taken.sum()) - times.absurd
    if missing:
        yield f"{named}: {missing / rows:.2%} of the rows have no such time, and are quarantined"
    if times.absurd:
        yield (
            f"{named}: {times.absurd / rows:.2%} of the rows have a time that is too late to be "
            f"true, after {times.newest:%Y-%m-%d}, and are quarantined"
        )
    if times.tolerance_days > _LONG_TOLERANCE:
        yield (
            f"{named}: rows may lie {times.tolerance_days:,.0f} days apart or ahead of today "
            "(`arrival.event_time_tolerance_days`), so a later date has to be absurd to be refused"
        )


def _of_row_key(plan: NewSpecs) -> list[str]:
    if plan.is_further:
        return []
    outside = ", ".join(sorted(outside_row_key(plan.columns, plan.key, plan.time)))
    told = f"the key of a row does not cover {outside}: a request may lack what no model takes"
    return [told] if outside else []
