"""Errors of files that cannot be read, and formats that are told by their first bytes."""

from __future__ import annotations

import json

from slipway.errors import BadBatch

HEAD_BYTES = 4096
"""Of a file, to tell text from other bytes."""

_SIGNATURES = {
    b"PAR1\x15": "Parquet",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a ZIP archive, as an Excel workbook is",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"BZh91AY": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"Obj\x01": "Avro",
    b"<!DOCTYPE": "HTML",
    b"<html": "HTML",
    b"<?xml": "XML",
}

_JSON, _TABLE = "JSON, as JSON Lines is", "text, as CSV is"

_HINTS = {
    "Parquet": "name it `….parquet`",
    "gzip": "name it `….csv.gz`, `….tsv.gz` or `….jsonl.gz`",
    _JSON: "name it `….jsonl`, or `….jsonl.gz` if it is compressed",
    _TABLE: "name it `….csv` or `….tsv`, with `.gz` if it is compressed",
    "UTF-16": "set `csv: {encoding: utf-16}` in dataset.yaml",
}
_AGAIN = "deliver it again; write it under another name first, then rename it"


def format_of(head: bytes) -> str | None:
    """Return the format that a file's first bytes tell, or None."""
    return next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), None)


def not_of_format(expected: str, head: bytes) -> BadBatch:
    """Return the error of a file that is of another format than its name says.

    Args:
        expected: Format that the name says.
        head: The file's first bytes, up to `HEAD_BYTES` to tell texts apart.
    """
    found = format_of(head) or _kind_of_text(head)
    return BadBatch(
        f"the file cannot be read as {expected}",
        expected=f"{expected}, as its name says",
        found=found or "bytes that are truncated or of another format",
        hint=_HINTS.get(found or "", _AGAIN),
    )


def is_json_object(line: bytes) -> bool:
    """Return whether a line is an object of JSON, as no header of CSV is."""
    try:
        return line.lstrip().startswith(b"{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def is_table_text(head: bytes) -> bool:
    """Return whether a file's first bytes are lines of text that are no JSON."""
    return _kind_of_text(head) == _TABLE


def _kind_of_text(head: bytes) -> str | None:
    first = head.splitlines()[0] if head.strip() else b""
    if is_json_object(first):
        return _JSON
    text = head.decode(errors="ignore")
    is_text = text.isascii() or len(text.encode()) >= len(head) - 3
    is_table = any(mark in first for mark in (b",", b";", b"\t", b"|"))
    is_printable = all(one.isprintable() or one in "\t\r\n\ufeff" for one in text)
    is_json = first.lstrip()[:1] in {b"{", b"["}
    return _TABLE if is_text and is_table and is_printable and not is_json else None


def empty_file(expected: str) -> BadBatch:
    """Return the error of a file without a byte, or without a header."""
    return BadBatch("the file is empty", expected=expected)


def no_rows() -> BadBatch:
    """Return the error of a file that has a header at most."""
    return BadBatch("the file holds no rows", expected="at least one row")


def truncated(expected: str, found: str) -> BadBatch:
    """Return the error of a file that ends, or goes wrong, in the middle."""
    return BadBatch(
        f"the file cannot be read as {expected}", expected=expected, found=found, hint=_AGAIN
    )
