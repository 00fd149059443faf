"""Read one YAML file as plain values, with the line of every field.

A subset of YAML with JSON's types: `yes`, `no`, `on`, `off` and dates are text, `1e-6` is a number,
keys are text; aliases and tags are refused, so that no value is implicit and no file expands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from slipway.spec.problems import Problem

Where = tuple[str | int, ...]
"""Path of a field: keys of mappings and indexes of lists."""

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Document:
    """One YAML file.

    Attributes:
        file: Path below the project, with `/`.
        value: Its top-level mapping; None when it could not be read.
        lines: Line of each field by its path.
        problems: Problems of the file as YAML.
    """

    file: str
    value: Mapping[str, Any] | None
    lines: Mapping[Where, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, where: Where) -> int | None:
        """Return the line of a field, or of its nearest ancestor in the file."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where)


def read_document(path: Path) -> Document:
    """Read one spec file as plain values; problems are returned, never raised."""
    file = "/".join(path.parts[-4:])
    try:
        return _parse(file, _text(path))
    except _Unreadable as error:
        return Document(file, None, problems=(error.problem(file),))


class _Unreadable(Exception):
    def __init__(self, summary: str, *, line: int | None = None, hint: str | None = None) -> None:
        super().__init__(summary)
        self.summary, self.line, self.hint = summary, line, hint

    def problem(self, file: str) -> Problem:
        return Problem(file, self.line, "", self.summary, hint=self.hint)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _Unreadable("there is no such file") from None
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise _Unreadable(
            f"is larger than {MAX_BYTES} bytes", hint="data does not belong in a spec"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable("is not UTF-8 text", line=line, hint="save it as UTF-8") from None


def _parse(file: str, text: str) -> Document:
    try:
        return _Reader(file, text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        summary = "; ".join(part for part in (error.context, error.problem) if part)
        line = None if mark is None else mark.line + 1
        raise _Unreadable(
            f"is not YAML: {summary}", line=line, hint=_yaml_hint(text, line)
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Unreadable(f"is not YAML: {error.reason}", line=line) from None


def _yaml_hint(text: str, line: int | None) -> str | None:
    written = text.splitlines()[: line or 0]
    if any(row.lstrip(" ").startswith("\t") for row in written[-1:]):
        return "indent with spaces; YAML allows no tabs"
    return None


class _Reader:
    """Builds the values of one document from YAML events, without YAML's constructors."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._events: Iterator[Event] = yaml.parse(text, Loader=_Loader)
        self._lines: dict[Where, int] = {}
        self._problems: list[Problem] = []

    def document(self) -> Document:
        starts = [event for event in self._until_content() if isinstance(event, DocumentStartEvent)]
        if not starts:
            raise _Unreadable("is empty")
        first = next(self._events)
        value = self._value(first, ())
        if isinstance(value, dict):
            self._refuse_second_document()
            return Document(self._file, value, self._lines, tuple(self._problems))
        if value is None:
            raise _Unreadable("is empty")
        raise _Unreadable("must be a mapping of fields", line=_line(first))

    def _until_content(self) -> Iterator[Event]:
        for event in self._events:
            yield event
            if isinstance(event, DocumentStartEvent):
                return

    def _refuse_second_document(self) -> None:
        for event in self._until_content():
            if isinstance(event, DocumentStartEvent):
                line = _line(event)
                raise _Unreadable("holds a second document", line=line, hint="remove the `---`")

    def _value(self, event: Event, where: Where) -> Any:
        line = _line(event)
        self._lines.setdefault(where, line)
        if isinstance(event, AliasEvent):
            raise _Unreadable("uses an alias (`*…`)", line=line, hint="write the value out again")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _Unreadable(f"uses a tag ({tag})", line=line, hint="remove the tag")
        if isinstance(event, ScalarEvent):
            return _scalar(event)
        if len(where) >= MAX_DEPTH:
            raise _Unreadable(f"is nested more than {MAX_DEPTH} levels deep", line=line)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(where)
        return self._mapping(where)

    def _sequence(self, where: Where) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value(event, (*where, len(items))))
        return items

    def _mapping(self, where: Where) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            line = _line(event)
            if not isinstance(event, ScalarEvent):
                raise _Unreadable("has a key that is not text", line=line)
            path = (*where, event.value)
            if event.value in fields:
                self._written_twice(path, line)
            self._lines.setdefault(path, line)
            fields[event.value] = self._value(next(self._events), path)
        return fields

    def _written_twice(self, path: Where, line: int) -> None:
        summary = f"is written twice; first on line {self._lines[path]}"
        dotted = ".".join(map(str, path))
        self._problems.append(Problem(self._file, line, dotted, summary, hint="keep one of them"))


def _line(event: Event) -> int:
    return 0 if event.start_mark is None else event.start_mark.line + 1


def _scalar(event: ScalarEvent) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if _NULL.fullmatch(text):
        return None
    if text in (*_TRUE, *_FALSE):
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
