"""The source `files`: Parquet, CSV and JSON Lines in the landing area of the store."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from slipway.records.landed_names import SUFFIXES
from slipway.records.landing_area import list_deliveries

if TYPE_CHECKING:
    from slipway.records.landing_area import Delivery
    from slipway.records.store import Store
    from slipway.spec.csv import Csv
    from slipway.stages.ports.delivery_source import OpenDelivery


class LandedFiles:
    """Fulfils `DeliverySource` for files below `landing/<dataset>/`.

    Args:
        store: Store with the landing area.
    """

    naming = f"landing/<dataset>/<stream>/<batch> with one of {', '.join(SUFFIXES)}"

    def __init__(self, store: Store) -> None:
        self._store = store

    def deliveries(self, dataset: str) -> list[Delivery]:
        """Return every delivery in the landing area, in the order of ingestion."""
        return list_deliveries(self._store, dataset)

    def uri(self, delivery: Delivery) -> str:
        """Return the path or `s3://` address of a delivery's file."""
        return self._store.uri(delivery.key)

    def fetch(self, delivery: Delivery, folder: Path) -> Path:
        """Copy a delivery's file, or the parts of its folder, into a local folder.

        Raises:
            NotFound: The file is gone.
            CommitConflict: It was written again meanwhile.
        """
        path = folder / f"delivery{delivery.suffix}"
        if not delivery.parts:
            self._store.download(delivery.key, path)
            return path
        path.mkdir()
        for key in delivery.parts:
            self._store.download(key, path / PurePosixPath(key).name)
        return path

    def open(self, path: Path, delivery: Delivery, *, csv: Csv) -> OpenDelivery:
        """Open a fetched delivery.

        Raises:
            BadBatch: It cannot be read.
        """
        # Imported here: the triggerer lists deliveries, and must not load pyarrow for it.
        from slipway.adapters.sources.open_delivery import open_delivery

        return open_delivery(path, delivery.suffix, csv=csv)
