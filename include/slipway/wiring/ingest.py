"""Arrival, wired: what has landed is claimed, ingested and acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.wiring.container import Container
from slipway.wiring.stage_call import Call

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord


def claim(
    *, dataset: str, batch: str | None = None, shop: Container | None = None
) -> dict[str, Any]:
    """Deliveries that wait, in order, and the fingerprint that acknowledges them."""
    from slipway.stages.ingest import ingest as ingestion

    shop = shop or Container()
    spec = shop.dataset(dataset)
    source = shop.source(spec.source)
    return ingestion.claim(spec, source=source, store=shop.store, batch=batch).to_json()


def acknowledge(*, dataset: str, fingerprint: str, shop: Container | None = None) -> bool:
    """Acknowledge what was claimed, if all of it is registered; whether it was."""
    from slipway.stages.ingest import ingest as ingestion

    shop = shop or Container()
    spec = shop.dataset(dataset)
    source = shop.source(spec.source)
    return ingestion.acknowledge(spec, source=source, store=shop.store, fingerprint=fingerprint)


def ingest(call: Call) -> RunRecord:
    """One delivery becomes rows of a table."""
    from slipway.adapters.quarantine import pack_rows
    from slipway.stages.ingest import ingest as ingestion

    spec = call.shop.dataset(call.given["dataset"])
    return ingestion.ingest(
        spec,
        stream=call.given["stream"],
        batch=call.given["batch"],
        file=call.given["file"],
        context=call.context,
        source=call.shop.source(spec.source),
        tables=call.shop.tables,
        pack=pack_rows,
        suites=call.shop.suites,
    )
