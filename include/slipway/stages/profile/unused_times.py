"""Find quarters and weeks, which no event time can be made of, and years that it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from slipway.stages.profile.event_time import TimeGuess, is_bare
from slipway.stages.profile.measured import Column
from slipway.stages.profile.part_names import Span, said_span
from slipway.stages.profile.time_parts import families

_MOST: Mapping[Span, int] = {"quarter": 4, "week": 53}
_WITH_YEAR: Mapping[Span, re.Pattern[str]] = {
    "quarter": re.compile(r"(?:18|19|20)\d\d[-_/ ]?[Qq][1-4]|[Qq][1-4][-_/ ](?:18|19|20)\d\d"),
    "week": re.compile(
        r"(?:18|19|20)\d\d[-_/ ]?(?:W|w|KW|kw)[-_ ]?\d{1,2}"
        r"|(?:W|w|KW|kw)[-_ ]?\d{1,2}[-_/ ](?:18|19|20)\d\d"
    ),
}
_BARE: Mapping[Span, re.Pattern[str]] = {
    "quarter": re.compile("[QqTt]?[1-4]"),
    "week": re.compile(r"(?:W|w|KW|kw)?[-_ ]?\d{1,2}"),
}


def unused_times(columns: Mapping[str, Column], time: TimeGuess) -> Iterator[str]:
    """Yield which columns have a quarter or a week of a year, where nothing finer is the time.

    Args:
        columns: Columns of the file.
        time: Event time.
    """
    if time.columns and time.parts != ("year",):
        return
    years = [one["year"].name for one in families(columns, but=()) if "year" in one]
    now, then = "the rows have no event time", "be one"
    if time.columns:
        now, then = f"the event time is {time.columns[0]} alone", "tell more"
    for name, column in columns.items():
        if (found := _span_of(column)) is None:
            continue
        span, has_year = found
        if not has_year and not years:
            continue
        beside = "" if has_year else f", and {years[0]} the year"
        yield (
            f"{name} has a {span}{beside}, and `event_time` takes no {span}, so {now}: a column "
            f"with the first day of each {span} would {then}"
        )


def unused_years(columns: Mapping[str, Column], time: TimeGuess) -> Iterator[str]:
    """Yield which year may be that of the row, where nothing else is its time.

    A year that neither orders the rows nor tells things apart may be of something in the row, such
    as the year in which a house was built, so it is not taken unasked.

    Args:
        columns: Columns of the file.
        time: Event time.
    """
    if time.columns:
        return
    for year in dict.fromkeys(
        one["year"].name for one in families(columns, but=()) if "year" in one
    ):
        if is_bare(columns[year]):
            yield (
                f"{year} may be the time of a row, which nothing else has: with `--event-time "
                f"{year}` the newest rows are held out, in place of a random share"
            )


def _span_of(column: Column) -> tuple[Span, bool] | None:
    """What a column has, and whether the year is in it, too."""
    texts = [one.removesuffix(".0") for one in column.shapes()]
    if not texts or column.type not in {"integer", "number", "string"}:
        return None
    for span, form in _WITH_YEAR.items():
        if all(map(form.fullmatch, texts)):
            return span, True
    said = said_span(column.name)
    if said is None or said[1] or column.distinct < 2:  # noqa: PLR2004 - of several
        return None
    span = said[0]
    if not all(map(_BARE[span].fullmatch, texts)):
        return None
    numbers = [int(re.sub(r"\D", "", one)) for one in texts]
    return (span, False) if min(numbers) >= 1 and max(numbers) <= _MOST[span] else None
