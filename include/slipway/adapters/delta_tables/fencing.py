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


def delivery_fence(batch: str) -> str:
    """Return the name under which a batch's newest delivery is kept in the transaction log."""
    return f"delivery/{batch}"


def check_delivery(current: DeltaTable, *, batch: str, number: int | None, table: str) -> None:
    """Raise if a later delivery of a batch has been committed.

    Args:
        current: The table as it is.
        batch: Id of the batch.
        number: Number of the delivery that is about to be committed; None: not checked.
        table: Name of the table.

    Raises:
        Superseded: A later delivery has been committed.
    """
    committed = current.transaction_version(delivery_fence(batch))
    if number is not None and committed is not None and committed > number:
        raise Superseded(
            f"delivery {number} may not replace batch {batch} of {table}",
            expected=f"delivery {committed} or a later one",
            found=f"delivery {committed} has been committed already",
            hint="nothing is lost: the file was delivered again, and its rows are in the table",
        )
