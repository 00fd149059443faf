"""Unmistakable values, and where a ring wrote them in any form."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq


def forms_of(value: str | int) -> dict[str, bytes]:
    """Return the forms in which a value could be written, by name."""
    text = str(value).encode()
    found = {
        "plain": text,
        "UTF-16": str(value).encode("utf-16-le"),
        "UTF-16 BE": str(value).encode("utf-16-be"),
        "SHA-256": hashlib.sha256(text).hexdigest().encode(),
    }
    for shift in range(3):
        # Without the characters that depend on what stands before and behind.
        coded = base64.b64encode(b"x" * shift + text)[(0, 2, 3)[shift] :].rstrip(b"=")
        found[f"base64 at {shift}"] = coded[: -1 if len(coded) > 1 else None]
    if isinstance(value, int):
        found |= {name: struct.pack(f"<{name}", value) for name in ("q", "d", "f")}
    return found


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of a file, and what is packed inside of it."""
    yield name, data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for member in packed.namelist():
                yield from contents(f"{name}!{member}", packed.read(member))
    elif data[:2] == b"\x1f\x8b":
        yield from contents(f"{name}!", gzip.decompress(data))
    elif data[:4] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(data))
        yield f"{name}!rows", str(file.read().to_pylist()).encode()
        for group in range(file.metadata.num_row_groups):
            for column in range(file.metadata.num_columns):
                found = file.metadata.row_group(group).column(column).statistics
                if found is not None and found.has_min_max:
                    yield f"{name}!statistics", f"{found.min} {found.max}".encode()


def marks_in(data: bytes, marks: Mapping[str, str | int], *, name: str = "") -> set[str]:
    """Return `mark (form) in place` for each mark that bytes hold in any form."""
    forms = {
        form: f"{mark} ({how})"
        for mark, value in marks.items()
        for how, form in forms_of(value).items()
    }
    sought = re.compile(b"|".join(map(re.escape, forms)))
    return {
        f"{forms[hit]} in {place}"
        for place, part in contents(name, data)
        for hit in sought.findall(part)
    }


def marks_below(folder: Path, marks: Mapping[str, str | int], *, since: float = 0.0) -> set[str]:
    """Return the marks in the files below a folder, and in their names.

    Args:
        folder: Folder.
        marks: Marks by name.
        since: Files that were not changed after this are left out.
    """
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.lstat().st_mtime < since:
            continue
        name = str(path.relative_to(folder))
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found |= marks_in(data, marks, name=name) | marks_in(name.encode(), marks, name="a name")
    return found
