"""`slipway parse`: how a column's declared type reads a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from slipway.cli.output import json_option, print_json
from slipway.errors import BadParameter
from slipway.spec.csv import text_format
from slipway.spec.problems import nearest
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse as parse_value
from slipway.values.text_format import TextFormat
from slipway.values.value_types import ColumnType, canonical_text

if TYPE_CHECKING:
    from slipway.spec import Column, DatasetSpec

_TRUTH = {"true": True, "false": False}
_GIVEN: Mapping[str, Callable[[str], object]] = {
    "text": str,
    "bytes": bytes.fromhex,
    "integer": int,
    "float": float,
    "decimal": Decimal,
    "boolean": _TRUTH.__getitem__,
}
"""Types that a value can have in a delivery, with the reading of each from an argument."""


@dataclass(frozen=True)
class Reading:
    """A value as a column reads it.

    Attributes:
        value: Canonical text; None: missing or refused.
        missing: Whether it means that there is no value.
        reason: Why it is refused; None: it is not.
        hint: What would accept it.
    """

    value: str | None = None
    missing: bool = False
    reason: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        if self.reason is None:
            return "missing" if self.value is None else self.value
        hint = "" if self.hint is None else f"\n  hint: {self.hint}"
        return f"refused: {self.reason}{hint}"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("dataset")
@click.argument("stream", type=click.Choice(["features", "labels"]))
@click.argument("column")
@click.argument("values", metavar="VALUE...", nargs=-1, required=True)
@click.option(
    "--type",
    "given",
    type=click.Choice(list(_GIVEN)),
    default="text",
    show_default=True,
    help="Type that the values have in the delivery; bytes are written as hex digits.",
)
@json_option
def parse(
    dataset: str, stream: str, column: str, values: tuple[str, ...], *, given: str, as_json: bool
) -> None:
    """Print how each VALUE is read as COLUMN of a delivery.

    Its canonical text, by which keys are joined and categories compared, `missing`, or why it is
    refused and what would accept it; of several values, each is named before its answer. Texts are
    read with the dataset's `csv` and the column's `format`. Exit status 1 when a value is refused.
    """
    from slipway import wiring

    spec = wiring.Container().dataset(dataset)
    declared = _column(spec, stream, column)
    spelling = text_format(spec.csv, declared)
    readings = [_read(_delivered(value, given), declared.type, spelling) for value in values]
    if as_json:
        print_json(
            [{"given": value, **asdict(one)} for value, one in zip(values, readings, strict=True)]
        )
    else:
        for value, one in zip(values, readings, strict=True):
            click.echo(f"{value!r}: {one}" if len(values) > 1 else str(one))
    if any(one.reason is not None for one in readings):
        raise SystemExit(1)


def _column(spec: DatasetSpec, stream: str, name: str) -> Column:
    declared = spec.streams.features if stream == "features" else spec.streams.labels
    if name in declared.columns:
        return declared.columns[name]
    close = nearest(name, declared.columns)
    raise BadParameter(
        f"{spec.dataset} has no column {name!r} in {stream}",
        expected=f"one of {', '.join(declared.columns)}",
        hint=f"did you mean {close!r}?" if close else None,
    )


def _delivered(value: str, given: str) -> object:
    """Return a value of the stated type."""
    try:
        return _GIVEN[given](value)
    except (ValueError, KeyError, ArithmeticError):
        raise click.BadParameter(f"{value!r} is no {given}", param_hint="VALUE") from None


def _read(value: object, kind: ColumnType, spelling: TextFormat) -> Reading:
    try:
        found = parse_value(value, kind, spelling)
    except BadValue as error:
        return Reading(reason=error.reason, hint=error.hint)
    return Reading(missing=True) if found is None else Reading(canonical_text(found))
