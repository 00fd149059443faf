"""Names in the landing area: suffixes of deliveries, and files that are none on purpose."""

from __future__ import annotations

SUFFIXES = (
    ".parquet",
    ".pq",
    ".csv",
    ".csv.gz",
    ".tsv",
    ".tsv.gz",
    ".jsonl",
    ".jsonl.gz",
    ".ndjson",
    ".ndjson.gz",
)
"""Suffixes of deliveries; case does not matter."""

PARQUET = (".parquet", ".pq")
"""Those of files that may be the parts of a folder, and of such a folder."""

IGNORED_PREFIXES = ("_", ".", "~")
"""First characters of markers, hidden and temporary files: `_SUCCESS`, `.x.csv`, `~x.csv`."""

_TEMPORARY = (
    *(".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download"),
    *(".inprogress", ".uploading", ".writing", ".lock", ".swp", "._copying_", "~"),
)
_MARKERS = (
    *(".crc", ".md5", ".sha1", ".sha256", ".sha512"),
    *(".done", ".ok", ".ready", ".success", ".complete", "_$folder$"),
)
_OF_SYSTEMS = {"thumbs.db", "desktop.ini"}

_WORKBOOK = "save the sheet as CSV, in UTF-8"
_HINTS = {
    ".xlsx": _WORKBOOK,
    ".xls": _WORKBOOK,
    ".ods": _WORKBOOK,
    ".zip": "unpack it, or compress the file with gzip",
    ".bz2": "compress it with gzip",
    ".xz": "compress it with gzip",
    ".zst": "compress it with gzip",
    ".json": "write one object on each line, and name it `….jsonl`",
    ".txt": "name it `….csv` or `….tsv` if it is one",
    ".dat": "name it `….csv` or `….tsv` if it is one",
    ".feather": "write Parquet",
    ".arrow": "write Parquet",
    ".orc": "write Parquet",
    ".avro": "write Parquet",
}


def split_name(name: str) -> tuple[str, str] | None:
    """Return the batch and the suffix, in lower case, that a name tells; None if it tells none."""
    suffix = max((one for one in SUFFIXES if name.lower().endswith(one)), key=len, default="")
    batch = name.removesuffix(name[-len(suffix) :]) if suffix else ""
    return (batch, suffix) if batch else None


def is_ignored(name: str) -> bool:
    """Return whether a file is no delivery on purpose: a marker, hidden, or half-written."""
    lower = name.lower()
    return (
        name.startswith(IGNORED_PREFIXES)
        or lower.endswith((*_TEMPORARY, *_MARKERS))
        or lower in _OF_SYSTEMS
    )


def hint_for(name: str) -> str:
    """Return what would make a delivery of a file with a suffix of another kind."""
    lower = name.lower()
    hint = next((hint for suffix, hint in _HINTS.items() if lower.endswith(suffix)), None)
    return hint or f"deliveries end with {', '.join(SUFFIXES)}"
