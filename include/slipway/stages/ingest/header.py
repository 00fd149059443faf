"""Compare a file's header with the declared columns, and say in what it differs."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from slipway.errors import BadBatch
from slipway.spec.csv import Csv
from slipway.spec.look_alikes import difference, plain, without_quotes
from slipway.spec.problems import nearest

LONGEST_LIST = 12
"""Names that a message lists."""

_DELIMITERS = {";": "`;`", ",": "`,`", "\t": "tabs", "|": "`|`"}
_SPLIT = re.compile(f"[{re.escape(''.join(_DELIMITERS))}]")


def header_problem(
    names: Sequence[str],
    declared: Iterable[str],
    csv: Csv,
    *,
    has_line: bool = True,
    indexes: Collection[str] = (),
) -> BadBatch | None:
    """Return why a file's header does not fit the declared columns; None when it does.

    Further columns, unnamed and repeated ones among them, are no problem.

    Args:
        names: Header of the file.
        declared: Names of the declared columns.
        csv: Dialect in which the header was read.
        has_line: Whether the names stand in a line of the file.
        indexes: Names of indexes of pandas that are no columns.
    """
    wanted = list(declared)
    there = set(names)
    missing = [name for name in wanted if name not in there]
    if not missing:
        return _repeated(names, wanted)
    if counted := [name for name in missing if name in indexes]:
        return BadBatch(
            f"the file has {_listed(map(_shown, counted))} as pandas' index and not as a column",
            expected=_columns(counted),
            found="the first and the last number of a RangeIndex",
            hint="write the frame with `frame.reset_index().to_parquet(…)`",
        )
    in_line = _problem_of_line(names, wanted, missing, csv) if has_line else None
    return in_line or _missing_columns(names, wanted, missing, has_line=has_line)


def likeness(names: Sequence[str], declared: Iterable[str]) -> int:
    """Return how many declared columns a header seems to have, in whatever dialect it was read.

    Args:
        names: Header of the file.
        declared: Names of the declared columns.
    """
    parts = {plain(without_quotes(part.strip())) for name in names for part in _SPLIT.split(name)}
    parts |= {plain(name) for name in names}
    return sum(plain(name) in parts for name in declared)


def _problem_of_line(
    names: Sequence[str], wanted: Sequence[str], missing: Sequence[str], csv: Csv
) -> BadBatch | None:
    """Why a line of names was not split, or not decoded, into the declared ones."""
    expected = f"{_columns(missing)} in the header"
    if names and (sep := re.fullmatch("sep=(.?)", names[0].strip(), re.IGNORECASE)):
        written = "\\t" if sep[1] == "\t" else sep[1] or csv.delimiter or ","
        return BadBatch(
            "the file begins with a line that tells its delimiter to Excel",
            expected=expected,
            found="`sep=` instead of a header",
            hint=f'set `csv: {{delimiter: "{written}", skip_lines: 1}}` in dataset.yaml',
        )
    if (mark := _other_delimiter(names, wanted)) is not None:
        written = "\\t" if mark == "\t" else mark
        hint = f'set `csv: {{delimiter: "{written}"}}` in dataset.yaml'
        if mark == "\t" and csv.delimiter is not None:
            hint = "name it `….tsv`, where cells are always separated by tabs"
        elif mark == (csv.delimiter or ","):
            hint = "name it `….csv`; in `.tsv` files cells are always separated by tabs"
        return BadBatch(
            f"the file's header is separated by {_DELIMITERS[mark]}",
            expected="the delimiter of the dataset, and tabs in `.tsv` files",
            found=f"a header in which {_DELIMITERS[mark]} would separate the declared columns",
            hint=hint,
        )
    if any(_as_utf8(name, csv.encoding) in missing for name in names):
        return BadBatch(
            f"the file is in UTF-8, and is read as {csv.encoding}",
            expected=expected,
            found="names that are these columns in UTF-8",
            hint="set `csv: {encoding: utf-8}` in dataset.yaml",
        )
    return None


def _missing_columns(
    names: Sequence[str], wanted: Sequence[str], missing: Sequence[str], *, has_line: bool
) -> BadBatch:
    expected = f"{_columns(missing)} in the header" if has_line else _columns(missing)
    declared = set(wanted)
    others = [name for name in names if name not in declared]
    if differences := _differences(missing, others):
        return BadBatch(
            f"the file lacks {_columns(missing)}: {_listed(differences)}",
            expected=expected,
            found=_columns(others),
            hint="declare a column as the file spells it, or have the file corrected",
        )
    close = next(filter(None, (nearest(name, others) for name in missing)), None)
    nearly = None if close is None else f"{_shown(close)} is spelt most like it"
    if has_line and len(missing) == len(wanted):
        # Without a header the names would be values of the first row.
        return BadBatch(
            f"the file has none of the declared columns, such as {_shown(missing[0])}",
            expected=expected,
            found=f"{len(names)} other names",
            hint="the first line has to name the columns; `csv.skip_lines` passes over lines above",
        )
    return BadBatch(
        f"the file lacks {_columns(missing)}",
        expected=expected,
        found=f"undeclared: {_listed(map(_shown, others))}" if others else "no other column",
        hint=nearly,
    )


def _as_utf8(name: str, encoding: str) -> str | None:
    """A name as it is when its bytes are read as UTF-8; None where they are none."""
    try:
        return None if name.isascii() else name.encode(encoding).decode()
    except UnicodeError:
        return None


def undeclared_columns(names: Sequence[str], declared: Iterable[str]) -> str | None:
    """Return the columns of a file that are left out, to be read in a sentence; None without any.

    Args:
        names: Header of the file.
        declared: Names of the declared columns.
    """
    wanted = set(declared)
    others = [name for name in names if name not in wanted]
    unnamed = sum(not name.strip() for name in others)
    parts = list(dict.fromkeys(_shown(name) for name in others if name.strip()))
    if unnamed:
        parts.append("an unnamed column" if unnamed == 1 else f"{unnamed} unnamed columns")
    return _listed(parts) if parts else None


def _repeated(names: Sequence[str], wanted: Sequence[str]) -> BadBatch | None:
    counts = Counter(names)
    twice = [name for name in wanted if counts[name] > 1]
    if not twice:
        return None
    return BadBatch(
        f"the file names a declared column twice: {_listed(map(_shown, twice))}",
        expected="each declared column once",
        hint="nothing tells which of them is right; rename the others",
    )


def _other_delimiter(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """A delimiter by which more declared columns would be found, and most of them."""
    there = set(names)
    best, most = None, sum(name in there for name in wanted)
    for mark in _DELIMITERS:
        parts = {without_quotes(part.strip()) for name in names for part in name.split(mark)}
        found = sum(name in parts for name in wanted)
        if found > most and 2 * found > len(wanted) and any(mark in name for name in names):
            best, most = mark, found
    return best


def _differences(missing: Sequence[str], others: Sequence[str]) -> list[str]:
    """In what declared names differ from those of the file that people would call equal."""
    known = {plain(other): other for other in reversed(others)}
    found = ((name, known.get(plain(name))) for name in missing)
    return [
        f"{_shown(other)} differs only in {difference(name, other)}"
        for name, other in found
        if other is not None
    ]


def _columns(names: Sequence[str]) -> str:
    word = "column" if len(names) == 1 else "columns"
    return f"the {word} {_listed(map(_shown, names))}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - LONGEST_LIST
    return ", ".join(every[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")


def _shown(name: str) -> str:
    """A name with its invisible characters spelt out."""
    if not name.strip():
        return "an unnamed column"
    shown = name if len(name) <= 60 else f"{name[:60]}…"  # noqa: PLR2004 - fits a line
    shown = shown.replace("\u00a0", "<no-break space>")
    if unicodedata.is_normalized("NFC", shown) and shown.isprintable() and shown == shown.strip():
        return shown
    return f"'{shown.encode('unicode_escape').decode()}'"
