"""Read a file, and plan its specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records.landed_names import split_name
from slipway.stages.profile.dialect import Dialect
from slipway.stages.profile.event_time import TimeGuess
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.names import can_be_spelled, slug
from slipway.stages.profile.new_specs import NewSpecs, plan_specs
from slipway.wiring.opened_file import OpenedFile, csv_of, named_in_errors
from slipway.wiring.whole_file import checked_on_every_row

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.stages.ports.delivery_source import OpenDelivery
    from slipway.stages.profile.measured import Measured
    from slipway.stages.profile.quick_model import QuickFit, Reached
    from slipway.stages.profile.spellings import Spelling
    from slipway.stages.profile.target import TargetGuess

Progress = Callable[[str], None]
"""Shows how far a piece of work is."""

MOST_SAMPLED = 100_000


@dataclass(frozen=True)
class ProfiledFile:
    """A file as it was read.

    Attributes:
        path: The file.
        suffix: The suffix as a delivery would have it.
        dialect: Dialect of a CSV; None of another format.
        measured: What a sample of it shows.
    """

    path: Path
    suffix: str
    dialect: Dialect | None
    measured: Measured


def profile_file(opened: OpenedFile, *, progress: Progress = lambda _: None) -> ProfiledFile:
    """Return what a file shows, of its whole length in bounded memory.

    Args:
        opened: The file, its header read.
        progress: Shows how far it is.

    Raises:
        BadBatch: It cannot be read as a table; the error names it.
    """
    from slipway.adapters.sources.sample_rows import sample_rows

    with named_in_errors(opened.path):
        rows = sample_rows(
            opened.delivery, list(opened.names), limit=MOST_SAMPLED, progress=progress
        )
    measured = _measure(rows.columns, opened.dialect, progress)
    return ProfiledFile(
        opened.path,
        opened.suffix,
        opened.dialect,
        replace(
            measured,
            rows=rows.rows,
            broken=rows.broken,
            left_out={**opened.left_out, **measured.left_out},
        ),
    )


def names_of(path: Path, *, name: str | None, target: str) -> tuple[str, str]:
    """Return the names of the dataset and the model of a file.

    Args:
        path: The file.
        name: Name of the dataset as a person has it; None: that of the file.
        target: Target.

    Raises:
        BadParameter: Nothing of the name that a person has is left as specs spell names.
    """
    if name is not None and not can_be_spelled(name):
        raise BadParameter(
            f"a dataset cannot be named {name!r}",
            expected="letters from a to z, digits and `_`; accents are left out",
            hint="name it in these letters: --name NAME",
        )
    dataset = slug(name or stem_of(path))
    model = slug(f"{dataset}_{target}")
    return dataset, model if model != dataset else f"{dataset}_model"


def stem_of(path: Path) -> str:
    """Return the name of a file without its suffixes."""
    found = split_name(path.name)
    return path.name.split(".")[0] if found is None else found[0]


def _measure(
    columns: Mapping[str, pa.Array], dialect: Dialect | None, progress: Progress
) -> Measured:
    from slipway.stages.profile.measured import Measured, measure_column

    spelling = _spelling(columns, dialect)
    left_out = {
        name: f"cells of type {array.type} are not read"
        for name, array in columns.items()
        if _is_nested(array)
    }
    first = {}
    for at, (name, array) in enumerate(columns.items()):
        progress(f"measuring the columns: {at + 1:,} of {len(columns):,}")
        if name not in left_out:
            first[name] = measure_column(name, at, array, spelling=spelling)
    marks = sorted({mark for one in first.values() for mark in one.guess.marks})
    # A mark counts in every column, so those that were cast without it are cast again.
    again = {
        name: measure_column(name, one.position, columns[name], spelling=spelling, marks=marks)
        if set(marks) - set(one.guess.marks)
        else one
        for name, one in first.items()
    }
    return Measured(again, 0, left_out, spelling, tuple(marks))


def _spelling(columns: Mapping[str, pa.Array], dialect: Dialect | None) -> Spelling:
    from slipway.stages.profile.spellings import Spelling, guess_spelling

    if dialect is None:
        return Spelling()
    texts = {name: _some_texts(array) for name, array in columns.items()}
    return guess_spelling(texts, delimiter=dialect.delimiter)


def _some_texts(array: pa.Array) -> list[str]:
    return [str(one) for one in array.drop_null().slice(0, 2000).unique().to_pylist()]


def _is_nested(array: pa.Array) -> bool:
    import pyarrow as pa

    kind = array.type
    return bool(
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
    )


def plan_file(
    profiled: ProfiledFile,
    target: TargetGuess,
    *,
    name: str | None = None,
    key: KeyGuess | None = None,
    time: TimeGuess | None = None,
    but: Mapping[str, str] | None = None,
    progress: Progress = lambda _: None,
) -> NewSpecs:
    """Return the plan of a file's specs.

    Args:
        profiled: The file.
        target: Target.
        name: Name of the dataset; None: that of the file.
        key: Key that a person named; None: it is guessed.
        time: Event time that a person named; None: it is guessed.
        but: Columns that are no features of the dataset that is there, with the reason; None: the
            dataset is new.
        progress: Shows how far it is.
    """
    progress("guessing key, event time, roles and gates")
    plan = plan_specs(
        profiled.measured,
        file=profiled.path.name,
        names=names_of(profiled.path, name=name, target=target.column),
        dialect=profiled.dialect,
        target=target,
        fit=quick_fit(progress),
        key=key,
        time=time,
        but=but,
        now=datetime.now(UTC),
    )
    if plan.measured.sampled == plan.measured.rows:
        return plan
    from slipway.adapters.sources.open_delivery import open_delivery

    def open_again() -> OpenDelivery:
        return open_delivery(profiled.path, profiled.suffix, csv=csv_of(profiled.dialect))

    return checked_on_every_row(plan, open_again, is_guessed=key is None, progress=progress)


def quick_fit(progress: Progress = lambda _: None) -> QuickFit | None:
    """Return what fits a quick model; None where scikit-learn is not installed.

    Args:
        progress: Shows each model.
    """
    if find_spec("sklearn") is None:
        return None
    from slipway.adapters.model_package.quick_fit import fit_quickly

    models = count(1)

    def fit(*given: Any, **named: Any) -> Reached | None:
        progress(f"fitting quick model {next(models)}")
        return fit_quickly(*given, **named)

    return fit
