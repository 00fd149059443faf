"""Open a file of a person's own: its format, its dialect, and what a spec can declare of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import BadBatch, BadParameter
from slipway.records.landed_names import PARQUET, hint_for, split_name
from slipway.spec.csv import Csv
from slipway.spec.look_alikes import plain
from slipway.stages.profile.dialect import Dialect, guess_dialect

if TYPE_CHECKING:
    from slipway.stages.ports.delivery_source import OpenDelivery

_OTHERS = (*PARQUET, ".jsonl", ".ndjson")
_BLANK_BYTES = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
"""Blanks and marks of an encoding, in any of them."""

_ALSO_TEXT = (".txt", ".data", ".dat", ".test", ".csv")


@dataclass(frozen=True)
class OpenedFile:
    """A file of which the header was read.

    Attributes:
        path: The file.
        suffix: The suffix as a delivery would have it.
        dialect: Dialect of a CSV; None of another format.
        delivery: Its rows, not yet read.
        names: Columns that a spec can declare.
        left_out: The others, with the reason.
    """

    path: Path
    suffix: str
    dialect: Dialect | None
    delivery: OpenDelivery
    names: tuple[str, ...]
    left_out: Mapping[str, str]


def open_file(path: Path) -> OpenedFile:
    """Return the header of a file, and how its rows are read.

    Raises:
        BadBatch: It cannot be read as a table; the error names it.
        BadParameter: No delivery has such a format, or it is a pipe or a device.
    """
    if path.exists() and not path.is_file():
        # The size and the format of a pipe are not known before it ends, if it ever does.
        raise BadParameter(
            f"{path.name} cannot be read twice",
            expected="a regular file",
            found="a pipe, a device or a folder",
            where=str(path),
            hint="write what it gives to a file first",
        )
    with named_in_errors(path):
        return _opened(path)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Name the file in errors of its readers, which know bytes of a delivery and no place."""
    try:
        yield
    except BadBatch as error:
        error.where = error.where or str(path)
        raise


def _opened(path: Path) -> OpenedFile:
    from slipway.adapters.sources.open_delivery import open_delivery

    suffix = _suffix(path)
    dialect = None if suffix.removesuffix(".gz") in _OTHERS else _dialect(path, suffix)
    delivery = open_delivery(path, suffix, csv=csv_of(dialect))
    if dialect is not None and len(delivery.names) < 2:  # noqa: PLR2004 - a table
        raise BadBatch(
            "the file is no table",
            expected="two columns or more, with one mark between the cells",
            found="one column",
            where=str(path),
            hint="blanks between cells are not read: write commas instead",
        )
    kept, left_out = _declarable(delivery.names)
    return OpenedFile(path, suffix, dialect, delivery, tuple(kept), left_out)


def _suffix(path: Path) -> str:
    found = split_name(path.name)
    if found is not None:
        return found[1]
    lower = path.name.lower()
    if lower.removesuffix(".gz").endswith(_ALSO_TEXT):
        return ".csv.gz" if lower.endswith(".gz") else ".csv"
    raise BadParameter(
        "no delivery has a name like that",
        expected="a file of CSV, TSV, JSON Lines or Parquet, the texts also with .gz",
        found=path.name,
        hint=hint_for(path.name),
    )


def _dialect(path: Path, suffix: str) -> Dialect:
    from slipway.adapters.sources.sample_rows import read_head
    from slipway.adapters.sources.unreadable import empty_file

    head = read_head(path)
    if not head.strip(_BLANK_BYTES):
        raise empty_file("a header and at least one row")
    known = "\t" if suffix.startswith(".tsv") else None
    return guess_dialect(head, delimiter=known)


def csv_of(dialect: Dialect | None) -> Csv:
    """Return how the rows of a file are read in a dialect."""
    if dialect is None:
        return Csv()
    names = None
    if not dialect.has_header:
        names = [f"column_{number}" for number in range(1, dialect.width + 1)]
    return Csv(
        delimiter=dialect.delimiter,
        encoding=dialect.encoding,
        quote=dialect.quote,
        skip_lines=dialect.skip_lines,
        names=names,
    )


def _declarable(names: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """Names that a spec can declare, and the others with the reason."""
    kept, left_out = dict[str, str](), dict[str, str]()
    for name in names:
        bare = plain(name, ("case", "blanks", "Unicode form"))
        if not bare:
            left_out[name] = "it has no name"
        elif name.startswith("_"):
            left_out[name] = "names that begin with `_` belong to Slipway: rename it in the file"
        elif names.count(name) > 1:
            left_out[name] = "its name stands twice in the file: rename one"
        elif bare in kept:
            left_out[name] = (
                f"its name differs from {kept[bare]!r} in case or blanks only: rename one"
            )
        else:
            kept[bare] = name
    return list(kept.values()), left_out
