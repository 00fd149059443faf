"""Translate the errors of the Delta libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from deltalake.exceptions import DeltaError

from slipway.errors import StoreUnavailable
from slipway.records.scratch_folder import FULL, says_full_disk


@contextmanager
def translate_errors(verb: str, table: str) -> Iterator[None]:
    """Raise Slipway's error in place of one of deltalake, pyarrow or the file system.

    Args:
        verb: What was tried, for the message.
        table: Name of the table.

    Raises:
        StoreUnavailable: Something could not be read or written.
    """
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        if isinstance(error, FileNotFoundError):
            raise _file_gone(verb, table) from error
        is_full = says_full_disk(error)
        raise StoreUnavailable(
            f"the store could not {verb} table {table}",
            found=FULL if is_full else type(error).__name__,
            hint="free space on the disk of SLIPWAY_STORE"
            if is_full
            else "check SLIPWAY_STORE and, for S3, the AWS_… variables",
        ) from error


def _file_gone(verb: str, table: str) -> StoreUnavailable:
    """Error of a data file that is not there; the store may have it again, as on a lost mount."""
    return StoreUnavailable(
        f"the store could not {verb} table {table}",
        expected="every data file that the version names",
        found="one that is gone",
        hint="a vacuum removes the files of older versions; a copy of the store from before has "
        "them, and else check SLIPWAY_STORE",
    )
