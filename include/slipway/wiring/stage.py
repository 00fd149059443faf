"""A stage as a row of the stage table: its name, its inputs, and how Airflow has to run it.

Light enough to be imported when DAGs are parsed; a row's function imports its stage when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.errors import BadParameter
from slipway.records.outcomes import Outcome
from slipway.spec import ModelSpec
from slipway.wiring.stage_call import StageCall


@dataclass(frozen=True)
class Input:
    """An input of a stage: a keyword of its task, and an option of `slipway run`.

    Attributes:
        name: Keyword.
        help: Help text of the option.
        choices: Allowed values; empty: any.
        bounds: Least and greatest value of a whole number; None: the input is text.
        run_of: Name of the run that a value identifies; None: it identifies no run.
        is_part: Whether a value names a part of the stage's work, with a record of its own.
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()
    bounds: tuple[int, int | None] | None = None
    run_of: Callable[[str], str] | None = None
    is_part: bool = False

    def parse(self, value: Any) -> Any:
        """Return a value with the input's type; templates turn numbers into text."""
        return value if self.bounds is None else int(value)


@dataclass(frozen=True)
class Stage:
    """A row of the stage table.

    Attributes:
        name: Name in `slipway run <name>`, in DAGs and in run records.
        run: Passes the container's tools to the stage function.
        summary: First line of the function's docstring.
        required: Inputs that have to be given.
        optional: Inputs that may be given.
        recorded: Whether the inputs identify the run record, so that the key of the result is
            known before the stage runs.
        cluster_rights: Whether the stage reads or changes what a cluster serves, so that its pod
            needs access to the Kubernetes API.
        personal_keys: Whether the stage runs a model, which hashes personal columns.
        wait_minutes: How long the stage may wait for requests, besides its work; None: not at all.
    """

    name: str
    run: Callable[[StageCall], Outcome]
    summary: str
    required: tuple[Input, ...]
    optional: tuple[Input, ...] = ()
    recorded: bool = False
    cluster_rights: bool = False
    personal_keys: bool = False
    wait_minutes: Callable[[ModelSpec], float] | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """All inputs, required ones first."""
        return (*self.required, *self.optional)

    def parse(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs with their types, without empty ones.

        Templates of Airflow turn a number into text, and an absent value into `""`.
        """
        known = {one.name: one for one in self.inputs}
        given = {name: value for name, value in inputs.items() if value not in (None, "")}
        return {n: known[n].parse(value) if n in known else value for n, value in given.items()}

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Raise unless every required input is given, and no unknown one.

        Raises:
            BadParameter: An input is missing or unknown.
        """
        missing = [one.name for one in self.required if inputs.get(one.name) in (None, "")]
        unknown = sorted(set(inputs) - {one.name for one in self.inputs})
        if missing or unknown:
            optional = "".join(f" [--{one.name} …]" for one in self.optional)
            raise BadParameter(
                f"stage {self.name!r} cannot run with these arguments",
                expected=" ".join(f"--{one.name} …" for one in self.required) + optional,
                found=f"missing: {', '.join(missing) or 'none'}; "
                f"unknown: {', '.join(unknown) or 'none'}",
            )

    def recorded_run(self, inputs: Mapping[str, Any]) -> str | None:
        """Return the run whose record will hold the result; None when that is not known yet."""
        if not self.recorded:
            return None
        named = ((one.run_of, inputs.get(one.name)) for one in self.inputs)
        runs = (run_of(str(value)) for run_of, value in named if run_of and value not in (None, ""))
        return next(runs, None)

    def recorded_stage(self, inputs: Mapping[str, Any], *, task: str) -> str:
        """Return the stage's name in its run record: its task's, and the part's if it has some."""
        parts = [str(inputs[one.name]) for one in self.inputs if one.is_part]
        return "_".join([task, *parts])


def stage(
    name: str,
    *,
    required: tuple[Input, ...],
    optional: tuple[Input, ...] = (),
    recorded: bool = False,
    cluster_rights: bool = False,
    personal_keys: bool = False,
    wait_minutes: Callable[[ModelSpec], float] | None = None,
) -> Callable[[Callable[[StageCall], Outcome]], Stage]:
    """Turn a function that calls a stage into its row of the stage table.

    Args:
        name: See `Stage`, as for the others.
        required: Inputs that have to be given.
        optional: Inputs that may be given.
        recorded: Whether the inputs identify the run record.
        cluster_rights: Whether its pod needs access to the Kubernetes API.
        personal_keys: Whether its pod needs the keys of personal columns.
        wait_minutes: How long it may wait for requests.
    """

    def row(run: Callable[[StageCall], Outcome]) -> Stage:
        return Stage(
            name=name,
            run=run,
            summary=(run.__doc__ or "").partition("\n")[0],
            required=required,
            optional=optional,
            recorded=recorded,
            cluster_rights=cluster_rights,
            personal_keys=personal_keys,
            wait_minutes=wait_minutes,
        )

    return row
