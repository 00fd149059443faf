"""Explain a dataset's newest deliveries: those that were blocked or have bad rows come first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from slipway.records import ledger
from slipway.records.attempts import find_failure
from slipway.records.run_records import RECORD, RunRef, find_record
from slipway.records.store import find_json
from slipway.stages.ingest.unknown_keys import find_unknown_keys
from slipway.stages.ingest.verdicts import OVER_LIMIT
from slipway.stages.model.newest_delivery import BATCH

if TYPE_CHECKING:
    from slipway.records.store import Entry, Store
    from slipway.spec import DatasetSpec
    from slipway.stages.ports.tables import Tables

INGEST = "ingest"

SHOWN = 10
"""Deliveries that are explained."""

ENTRIES_LOOKED_AT = 100

COMMONEST = 3
"""Reasons of a delivery that are told in words; JSON has all."""

DELIVER_AGAIN = "after a change of the dataset's spec, or of the file, deliver the file again"
"""How rows that were refused are taken."""

RAISE_THE_LIMIT = (
    "with a higher limit in the variables of Airflow and its pods, or of a new start of "
    "`slipway up`, the next run of the ingest DAG takes the file that has landed, at the latest "
    "its sweep; in parts, each needs a name of its own"
)
"""How a delivery beyond a limit is taken."""

_KEPT = ("quarantine", "blocked", "reasons")


@dataclass(frozen=True)
class DeliveryVerdict:
    """Verdict on one delivery.

    Attributes:
        at: Wall time, ISO 8601, UTC.
        run: Stream, batch and state of the file.
        action: `ingested`, `revised`, `duplicate`, `blocked`; `failed`: its ingest did not end.
        reason: Reason in full.
        quarantined: Number of bad rows.
        reasons: Reasons of bad rows, the commonest first: column, reason, count, shape, hint.
        kept: Addresses of bad rows, of the blocked file, and of all reasons, by name.
        unknown_keys: Number of labels that belonged to no known row at their delivery.
        unknown_now: How many of them belong to a row by now, and why others may not; None for
            deliveries without such labels.
        is_astray: Whether nearly all of them still belong to no row, for a reason that was found.
        replaced_other_file: Whether its rows replaced those of another file of its batch.
        is_over_limit: Whether it exceeds a limit of the installation.
    """

    at: str
    run: str
    action: str
    reason: str
    quarantined: int = 0
    reasons: Sequence[Mapping[str, Any]] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    unknown_keys: int = 0
    unknown_now: str | None = None
    is_astray: bool = False
    replaced_other_file: bool = False
    is_over_limit: bool = False

    @property
    def batch(self) -> str:
        """Stream and batch."""
        return self.run.rpartition("-")[0]

    @property
    def has_trouble(self) -> bool:
        """Whether it was blocked, failed, has bad rows, fits no features or replaced a file."""
        is_partial = self.quarantined > 0 or self.is_astray or self.replaced_other_file
        return self.action in {"blocked", "failed"} or is_partial

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain JSON."""
        return asdict(self)


def why_dataset(
    dataset: str,
    *,
    store: Store,
    spec: DatasetSpec | None = None,
    tables: Tables | None = None,
) -> list[DeliveryVerdict]:
    """Return the newest deliveries' verdicts: those with trouble first, then the newest first.

    Of a batch that was delivered again only the newest verdict counts; a duplicate changes none.

    Args:
        dataset: Its name.
        store: Store of ledger and run records.
        spec: The dataset; None, as without tables: labels are not compared with present features.
        tables: Its tables.
    """
    found = sorted(
        [*_recorded(dataset, store), *_failed(dataset, store)], key=lambda one: one.at, reverse=True
    )
    newest: dict[str, DeliveryVerdict] = {}
    for one in found:
        newest.setdefault(one.run if one.action in {"duplicate", "superseded"} else one.batch, one)
    told = list(newest.values())
    if spec is not None and tables is not None:
        told = [*_compared_now(told, spec, tables)]
    return sorted(told, key=lambda one: not one.has_trouble)[:SHOWN]


def _compared_now(
    told: Sequence[DeliveryVerdict], spec: DatasetSpec, tables: Tables
) -> Iterator[DeliveryVerdict]:
    """Yield the deliveries, the newest ones of unknown labels compared with present features."""
    left = SHOWN
    for one in told:
        if not one.unknown_keys or one.action not in {"ingested", "revised"} or not left:
            yield one
            continue
        left -= 1
        _, _, batch = one.batch.partition("-")
        key = spec.identity.key.column
        labels = tables.read(f"{spec.dataset}/labels", columns=[key], where=[(BATCH, "=", batch)])
        now = find_unknown_keys([labels[key]], key=key, dataset=spec.dataset, tables=tables)
        yield replace(one, unknown_now=now.by_now, is_astray=now.hint is not None)


def _recorded(dataset: str, store: Store) -> Iterator[DeliveryVerdict]:
    """Yield the verdicts of the newest entries of the ledger."""
    for entry in islice(ledger.newest_first(store, dataset, damaged="mark"), ENTRIES_LOOKED_AT):
        fact = entry["fact"]
        if fact.get("stage") != INGEST:
            continue
        ref = RunRef(dataset, fact["run"], INGEST)
        record = find_record(store, ref)
        evidence = {} if record is None else record.verdict.evidence
        reasons = find_json(store, f"{ref.folder}/reasons.json") if "reasons" in evidence else None
        yield DeliveryVerdict(
            at=entry["at"],
            run=ref.run,
            action=fact["action"],
            reason=fact["reason"],
            quarantined=int(fact["numbers"].get("quarantined") or 0),
            reasons=tuple(reasons or ()),
            kept={name: evidence[name] for name in _KEPT if name in evidence},
            unknown_keys=int(fact["numbers"].get("unknown_keys") or 0),
            replaced_other_file=bool(fact["numbers"].get("replaced_other_file")),
            is_over_limit=bool(fact["numbers"].get(OVER_LIMIT)),
        )


def _failed(dataset: str, store: Store) -> Iterator[DeliveryVerdict]:
    """Yield the deliveries whose newest attempt failed and left no verdict."""
    failed: dict[str, Entry] = {}
    for entry in store.list(f"runs/{dataset}"):
        _, _, run, stage, name = entry.key.split("/", 4)
        if stage == INGEST and name.endswith(".failed.json"):
            failed[run] = entry
        elif stage == INGEST and name == RECORD:
            # A listing is sorted: attempts come before the record.
            failed.pop(run, None)
    for run, entry in failed.items():
        failure = find_failure(store, RunRef(dataset, run, INGEST))
        if failure is not None:
            reason = failure["error"]
            if failure["traceback"]:
                # Not one of Slipway's own errors, so its text may quote a value.
                reason = f"{failure['kind']}; its traceback is in {store.uri(entry.key)}"
            yield DeliveryVerdict(entry.modified.isoformat(), run, "failed", reason)


def format_deliveries(dataset: str, deliveries: Sequence[DeliveryVerdict]) -> list[str]:
    """Format the verdicts, a line for each finding; pure."""
    if not deliveries:
        return [f"{dataset}: no delivery was ingested yet."]
    return [line for one in deliveries for line in _lines(one)]


def _lines(one: DeliveryVerdict) -> Iterator[str]:
    at = f"{datetime.fromisoformat(one.at):%Y-%m-%d %H:%M} UTC"
    yield f"{at}, {one.action} ({one.run}): {one.reason}"
    if one.unknown_now is not None:
        yield f"  by now, {one.unknown_now}"
    if not one.has_trouble:
        return
    for reason in one.reasons[:COMMONEST]:
        yield f"  {_words(reason)}"
        if reason.get("hint"):
            yield f"    hint: {reason['hint']}"
    further = len(one.reasons) - COMMONEST
    if further > 0:
        yield f"  and {further} further reason{'s' if further > 1 else ''}"
    for name, address in one.kept.items():
        yield f"  {name}: {address}"
    if one.action == "blocked" or one.quarantined:
        yield f"  {RAISE_THE_LIMIT if one.is_over_limit else DELIVER_AGAIN}"


def _words(reason: Mapping[str, Any]) -> str:
    count = int(reason["count"])
    shape = f", such as {reason['shape']}" if reason.get("shape") else ""
    about = f"{reason.get('column') or ''} {reason['reason']}".strip()
    return f"{count:,} {'row' if count == 1 else 'rows'}: {about}{shape}"
