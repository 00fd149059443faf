"""Delivery source port: where a dataset's deliveries come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.landing_area import Delivery


class DeliverySource(Protocol):
    """A source of deliveries; one class for each row of `spec/sources.py`.

    A delivery is a fixed sequence of bytes: its digest tells duplicates from revisions, and a
    blocked one is kept as it was fetched. A source of another nature, such as a database, encodes
    the rows of a batch as Parquet.
    """

    naming: str
    """How keys of deliveries are made up, for messages."""

    def deliveries(self, dataset: str) -> list[Delivery]:
        """Return every delivery that can be fetched, in the order of ingestion.

        The landing trigger calls it in Airflow's triggerer, so it imports nothing heavy.

        Raises:
            StoreUnavailable: The source does not respond.
        """

    def uri(self, delivery: Delivery) -> str:
        """Return the address of a delivery, for people and records."""

    def fetch(self, delivery: Delivery) -> bytes:
        """Return a delivery's bytes.

        Raises:
            NotFound: The delivery is gone.
            StoreUnavailable: The source does not respond.
        """

    def parse(self, data: bytes, delivery: Delivery) -> pd.DataFrame:
        """Return the rows of fetched bytes, numbered from 0.

        Raises:
            BadBatch: They cannot be read, or hold no row.
        """
