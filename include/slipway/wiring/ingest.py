"""Wire the stages of ingestion: claim, ingest, acknowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.wiring.container import Container
from slipway.wiring.stage import stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import BATCH, DATASET, FILE, STREAM

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord


def claim(
    *, dataset: str, batch: str | None = None, container: Container | None = None
) -> dict[str, Any]:
    """Return the waiting deliveries in order, and the fingerprint that acknowledges them.

    With them comes what lies in the landing area and cannot be a delivery, a sentence for each.
    """
    from slipway.records.landing_area import list_undeliverable
    from slipway.stages.ingest import ingest

    container = container or Container()
    spec = container.dataset(dataset)
    source = container.source(spec.source)
    claimed = ingest.claim(spec, source=source, store=container.store, batch=batch)
    left = []
    if spec.source == "files":
        left = list_undeliverable(container.store, dataset, streams=spec.streams.delivered)
    return {**claimed.to_json(), "undeliverable": list(map(str, left))}


def acknowledge(*, dataset: str, fingerprint: str, container: Container | None = None) -> bool:
    """Acknowledge the claimed deliveries if all are registered; return whether they were."""
    from slipway.stages.ingest import ingest

    container = container or Container()
    spec = container.dataset(dataset)
    source = container.source(spec.source)
    return ingest.acknowledge(spec, source=source, store=container.store, fingerprint=fingerprint)


@stage("ingest", required=(DATASET, STREAM, BATCH, FILE))
def run_ingest(call: StageCall) -> RunRecord:
    """Validate one delivery and publish its rows in a dataset's table."""
    from slipway.adapters.parquet_encoding import pack_rows
    from slipway.adapters.row_spool import open_spool
    from slipway.stages.ingest.ingest import ingest

    spec = call.container.dataset(call.inputs["dataset"])
    return ingest(
        spec,
        stream=call.inputs["stream"],
        batch=call.inputs["batch"],
        file=call.inputs["file"],
        context=call.context,
        source=call.container.source(spec.source),
        tables=call.container.tables,
        pack=pack_rows,
        suites=call.container.suites,
        open_spool=open_spool,
    )
