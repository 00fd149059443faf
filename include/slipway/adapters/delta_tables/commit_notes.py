"""Read the notes of a Delta table's commits from its transaction log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from slipway.errors import StoreUnavailable


def read_notes(uri: str, *, version: int) -> list[Mapping[str, str]]:
    """Return the note of each commit up to a version, oldest first.

    deltalake's own `history` numbers the commits from the newest one that it happens to read, and
    holds Python's lock meanwhile.

    Args:
        uri: Address of the table: a local folder, or `s3://bucket/prefix`.
        version: Last version to read.

    Raises:
        StoreUnavailable: An entry of the log cannot be read.
    """
    notes: list[Mapping[str, str]] = []
    try:
        table = S3Store.from_url(uri) if "://" in uri else LocalStore(Path(uri))
        for number in range(version + 1):
            entry = obstore.get(table, f"_delta_log/{number:020d}.json").bytes()
            actions = map(json.loads, bytes(entry).splitlines())
            notes.extend(action["commitInfo"] for action in actions if "commitInfo" in action)
    except (BaseError, OSError) as error:
        raise StoreUnavailable(
            "an entry of a table's transaction log cannot be read",
            found=type(error).__name__,
            where=uri,
            hint="check SLIPWAY_STORE and, for S3, the AWS_… variables",
        ) from error
    return notes
