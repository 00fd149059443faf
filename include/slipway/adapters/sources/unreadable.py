"""Errors of files that cannot be read, and formats that are told by their first bytes."""

from __future__ import annotations

from slipway.errors import BadBatch

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

_HINTS = {
    "Parquet": "name it `….parquet`",
    "gzip": "name it `….csv.gz`, `….tsv.gz` or `….jsonl.gz`",
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
        head: The file's first bytes.
    """
    found = format_of(head)
    return BadBatch(
        f"the file cannot be read as {expected}",
        expected=f"{expected}, as its name says",
        found=found or "bytes that are truncated or of another format",
        hint=_HINTS.get(found or "", _AGAIN),
    )


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
