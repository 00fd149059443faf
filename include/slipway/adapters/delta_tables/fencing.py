"""Fencing tokens of commits: an attempt's number in Delta's transaction log."""

from __future__ import annotations

from deltalake import DeltaTable

from slipway.errors import Superseded


def check_fencing_token(current: DeltaTable, *, writer: str, number: int, table: str) -> None:
    """Raise if a writer has committed with a newer fencing token than the one given.

    Args:
        current: The table as it is.
        writer: Name of the piece of work whose attempts are numbered.
        number: Number of the attempt that is about to commit.
        table: Name of the table.

    Raises:
        Superseded: A newer attempt has committed.
    """
    committed = current.transaction_version(writer)
    if committed is not None and committed > number:
        raise Superseded(
            f"attempt {number} may not commit to {table}",
            expected=f"attempt {committed} or a newer one",
            found=f"attempt {committed} has committed already",
            hint="nothing is lost: the newer attempt's rows are in the table",
        )
