"""Write a plan as `dataset.yaml`, `expectations.yaml` and `model.yaml`, with comments why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from slipway.spec.watched_columns import ColumnKind
from slipway.stages.profile.bounds import Expected
from slipway.stages.profile.calendar_columns import calendar_columns
from slipway.stages.profile.model_text import model_text
from slipway.stages.profile.new_specs import NewSpecs
from slipway.stages.profile.plausible_times import DEFAULT_DAYS
from slipway.stages.profile.roles import Chosen, is_word_of_a_spec
from slipway.stages.profile.row_cover import outside_row_key
from slipway.stages.profile.spellings import Spelling
from slipway.stages.profile.yaml_text import comment, quoted

__all__ = ["spec_files"]


def spec_files(plan: NewSpecs) -> dict[str, str]:
    """Return the files of a plan, by path below `include/`, a dataset's before its model's."""
    model = {f"models/{plan.model}/model.yaml": model_text(plan)}
    if plan.is_further:
        return model
    return {
        f"datasets/{plan.dataset}/dataset.yaml": _text(_dataset(plan)),
        f"datasets/{plan.dataset}/expectations.yaml": _text(_expectations(plan)),
        **model,
    }


def _text(lines: Iterable[str]) -> str:
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _dataset(plan: NewSpecs) -> Iterator[str]:
    measured = plan.measured
    yield f"# Written by `slipway new` from {comment(plan.file)}: {measured.rows:,} rows."
    yield "# Comments say why; change what is wrong, then `slipway check`."
    yield f"dataset: {plan.dataset}"
    yield f"description: {quoted(f'From {plan.file}.')}"
    yield f"key: {_key(plan)}  # {comment(plan.key.why)}"
    yield from _event_time(plan)
    yield from _csv(plan)
    if plan.sizes.tolerance_days > DEFAULT_DAYS:
        yield "arrival:"
        yield "  # Twice the widest gap between newer times of the file, or beyond today."
        yield f"  event_time_tolerance_days: {plan.sizes.tolerance_days:g}"
    yield ""
    yield "streams:"
    yield "  features:"
    yield "    columns:"
    outside = outside_row_key(plan.columns, plan.key, plan.time)
    calendar = calendar_columns(plan.measured, plan.columns, plan.time)
    for name, one in plan.columns.items():
        if one.role != "target" and is_declared(plan, one):
            needed, in_key = name in plan.identity, name not in outside
            kind: ColumnKind | None = "calendar" if name in calendar else None
            declared = _column(one, measured.spelling, needed=needed, in_key=in_key, watched=kind)
            yield f"      {quoted(name)}: {declared}  # {_about(one)}"
    yield "  labels:"
    yield "    from: features  # the target stands in the same file, and is missing until known"
    yield "    columns:"
    target = plan.columns[plan.target.column]
    guess = target.column.guess
    told = [plan.target.why] if guess.spelling is None else [plan.target.why, guess.why]
    declared = _column(target, measured.spelling, kind=plan.target.type)
    yield f"      {quoted(plan.target.column)}: {declared}  # {comment('; '.join(told))}"
    yield from _undeclared(plan)


def is_declared(plan: NewSpecs, one: Chosen) -> bool:
    """Return whether the dataset has a column; one that counts rows of a file it has not."""
    if one.column.name in plan.identity:
        return True
    if is_word_of_a_spec(one.column.name, plan.key, plan.time):
        return False
    return not (one.role == "left out" and one.column.is_counter)


def _undeclared(plan: NewSpecs) -> Iterator[str]:
    reasons = {
        name: one.why
        for name, one in plan.columns.items()
        if one.role != "target" and not is_declared(plan, one)
    }
    reasons = {**plan.measured.left_out, **reasons}
    if reasons:
        yield ""
        yield "# Columns of the file that are never read:"
    for name, why in reasons.items():
        yield f"#   {comment(name) or '(without a name)'}: {comment(why)}"


def _key(plan: NewSpecs) -> str:
    names = plan.key.columns
    if not names:
        return "row"
    if len(names) == 1 and plan.measured.columns[names[0]].type != "timestamp":
        return quoted(names[0])
    return f"[{', '.join(map(quoted, names))}]"


def _event_time(plan: NewSpecs) -> Iterator[str]:
    time = plan.time
    if not time.columns:
        yield f"event_time: arrival  # {comment(time.why)}"
    elif not time.parts:
        yield f"event_time: {quoted(time.columns[0])}  # {comment(time.why)}"
    else:
        fields: dict[str, str] = dict(zip(time.parts, map(quoted, time.columns), strict=True))
        if time.time_format is not None:
            fields["time_format"] = json.dumps(time.time_format)
        listed = ", ".join(f"{name}: {value}" for name, value in fields.items())
        yield f"event_time: {{{listed}}}  # {comment(time.why)}"


def _csv(plan: NewSpecs) -> Iterator[str]:
    fields = [*_of_dialect(plan), *_of_texts(plan)]
    if fields:
        yield ""
        yield "csv:"
    for name, value, why in fields:
        yield f"  {name}: {value}  # {why}"


def _of_dialect(plan: NewSpecs) -> Iterator[tuple[str, str, str]]:
    dialect = plan.dialect
    if dialect is None:
        return
    is_tsv = plan.file.lower().removesuffix(".gz").endswith(".tsv")
    if dialect.delimiter != "," and not is_tsv:
        yield "delimiter", json.dumps(dialect.delimiter), "separates the cells"
    if dialect.encoding != "utf-8":
        yield "encoding", dialect.encoding, "its bytes are no UTF-8"
    if dialect.quote != '"':
        yield "quote", json.dumps(dialect.quote), "encloses cells"
    if dialect.skip_lines:
        yield "skip_lines", str(dialect.skip_lines), "lines stand before the table"
    if not dialect.has_header:
        names = ", ".join(map(quoted, plan.measured.columns))
        yield "names", f"[{names}]", "the file has no header: give them better names"


def _of_texts(plan: NewSpecs) -> Iterator[tuple[str, str, str]]:
    spelling = plan.measured.spelling
    if spelling.decimal != ".":
        yield "decimal", json.dumps(spelling.decimal), "numbers are spelt with it"
    if spelling.thousands is not None:
        yield "thousands", json.dumps(spelling.thousands), "stands between thousands"
    if plan.marks:
        listed = ", ".join(json.dumps(one, ensure_ascii=False) for one in plan.marks)
        yield "missing", f"[{listed}]", "mean that there is no value"


def _marks(numbers: Spelling, file: Spelling) -> Iterator[str]:
    """Fields of a column whose numbers are spelt otherwise than the file's."""
    if numbers.unit is not None:
        yield f"unit: {json.dumps(numbers.unit, ensure_ascii=False)}"
    if numbers.decimal != file.decimal:
        yield f"decimal: {json.dumps(numbers.decimal)}"
    if numbers.thousands not in {None, file.thousands}:
        yield f"thousands: {json.dumps(numbers.thousands)}"
    if numbers.parentheses:
        yield "negative: parentheses"


def _column(
    one: Chosen,
    file: Spelling,
    *,
    kind: str | None = None,
    needed: bool = False,
    in_key: bool = True,
    watched: ColumnKind | None = None,
) -> str:
    column = one.column
    fields = [f"type: {kind or column.type}"]
    if needed:
        fields.append("nullable: false")
    if column.guess.spelling is not None and (kind or column.type) in {"integer", "number"}:
        fields += _marks(column.guess.spelling, file)
    if column.guess.format is not None and kind is None:
        fields.append(f"format: {json.dumps(column.guess.format)}")
    if one.role == "personal":
        fields.append("pii: drop")
    if not in_key:
        fields.append("in_key: false")
    if watched is not None:
        fields.append(f"kind: {watched}")
    return f"{{{', '.join(fields)}}}"


def _about(one: Chosen) -> str:
    column = one.column
    told = [f"{one.role}: {one.why}" if one.role in {"left out", "personal"} else one.why]
    if column.missing_share > 0:
        told.append(f"{column.missing_share:.1%} missing")
    return comment("; ".join(told))


def _expectations(plan: NewSpecs) -> Iterator[str]:
    yield f"# Written by `slipway new` from the profile of {comment(plan.file)}, with slack."
    yield "# `critical` sends rows that break it to quarantine, `warning` is recorded."
    for stream, listed in (("features", plan.features), ("labels", plan.labels)):
        yield f"{stream}:" if listed else f"{stream}: []"
        for one in listed:
            yield from _expectation(one)


def _expectation(one: Expected) -> Iterator[str]:
    yield f"  # {comment(one.why)}"
    yield f"  - expect: {one.expect}"
    if one.severity != "critical":
        yield f"    severity: {one.severity}"
    yield f"    kwargs: {_flow(one.kwargs)}"


def _flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_flow(part)}' for name, part in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str):
        return quoted(value)
    return re.sub(r"^(-?[0-9]+)e", r"\1.0e", json.dumps(value))
