"""Gather the files of a version's evidence: records, ledgers, requests, manifest, card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import NotFound, Tampered
from slipway.records import approvals, ledger
from slipway.records.run_records import RECORD, RunRecord
from slipway.records.store import digest, encode, find_json, read_json
from slipway.stages.card.card import card_charts, card_files, card_title
from slipway.stages.evidence.layout import (
    CASE,
    EXPECTATIONS,
    MANIFEST_FILE,
    PICTURES,
    README,
    README_TEXT,
    STORE,
    VERSION,
)
from slipway.stages.model import sbom
from slipway.stages.model.manifest import MANIFEST, PIPELINE_PY
from slipway.stages.model.signature import SIGNATURE
from slipway.stages.report.charts import Draw
from slipway.stages.report.version_case import VersionCase, concerns

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.tables import Tables

_KEPT = (RECORD, "decision.json", "evidence.json", "evidence/", "specs-", "trials-")
"""Begins of the names beside a record that belong to the case."""

_OF_AN_EXPECTATION = (
    *("expectation", "columns", "severity", "success", "unexpected_rows", "bounds"),
)
"""What is kept of an expectation's result: no observed value."""


@dataclass
class Gathered:
    """Files of a folder of evidence.

    Attributes:
        files: Bytes by path.
        missing: What the records name and the store does not have, in words.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def copy(self, store: Store, key: str) -> bool:
        """Copy an object; note where it is missing, and return whether it is there."""
        try:
            self.files[f"{STORE}/{key}"] = store.read(key)
        except NotFound:
            self.missing.append(key)
            return False
        return True


def gather(
    case: VersionCase,
    *,
    folder: Path,
    store: Store,
    tables: Tables,
    anchored: ledger.Head | None,
    draw: Draw | None = None,
) -> Gathered:
    """Return the files of a version's evidence.

    Args:
        case: Records of the version.
        folder: The version's folder, its digests checked.
        store: Store of the records.
        tables: Tables of the dataset, whose commits name their deliveries.
        anchored: Head of the model's ledger that is kept outside the store.
        draw: Draws the charts of the card; None: there are none.
    """
    found = Gathered()
    model = case.version.model
    dataset = case.specs.dataset.dataset if case.specs else str(case.manifest.get("dataset", ""))
    heads = {one: _copy_ledger(found, store, one) for one in (model, dataset) if one}
    entries = [
        read
        for number in range(1, heads[model].sequence + 1)
        if (read := _entry(store, model, number)) is not None
    ]
    about = concerns(entries, case.version)
    for entry in about:
        _copy_record(found, store, entry["fact"].get("record"))
    _copy_request(found, store, case)
    for key in _deliveries(case, tables, dataset):
        _copy_delivery(found, store, key)
    for name in (PIPELINE_PY, *map(sbom.file_name, sbom.IMAGES)):
        if (folder / name).is_file():
            kept = name.removeprefix("slipway/")
            found.files[f"{VERSION}/{kept}"] = (folder / name).read_bytes()
    if (folder / SIGNATURE).is_file():
        found.files[SIGNATURE] = (folder / SIGNATURE).read_bytes()
    found.files[MANIFEST_FILE] = (folder / MANIFEST).read_bytes()
    found.files |= card_files(case, draw)
    if draw is not None:
        found.files |= {f"{PICTURES}/{one.name}.svg": draw(one) for one in card_charts(case)}
    found.files[CASE] = encode(
        {
            "model": model,
            "version": case.version.version,
            "run_key": case.version.run_key,
            "manifest_sha256": digest(found.files[MANIFEST_FILE]),
            "registered_at": case.version.created_at.isoformat(),
            "tags": dict(sorted(case.version.tags.items())),
            "heads": {subject: asdict(head) for subject, head in heads.items()},
            "anchored": None if anchored is None else asdict(anchored),
            "entries": [entry["sequence"] for entry in about],
            "missing": found.missing,
        }
    )
    missing = (
        f"Named in records and not in the store: {', '.join(found.missing)}."
        if found.missing
        else "Everything that its records name was in the store."
    )
    readme = README_TEXT.format(title=f"Evidence of {card_title(case)}", missing=missing)
    found.files[README] = readme.encode()
    return found


def _copy_ledger(found: Gathered, store: Store, subject: str) -> ledger.Head:
    """Copy a chain up to its present head."""
    head = ledger.head(store, subject)
    for number in range(1, head.sequence + 1):
        found.copy(store, ledger.entry_key(subject, number))
    return head


def _entry(store: Store, subject: str, number: int) -> dict[str, Any] | None:
    with suppress(NotFound, Tampered):
        entry = read_json(store, ledger.entry_key(subject, number))
        if isinstance(entry, dict) and isinstance(entry.get("fact"), dict):
            return entry
    return None


def _copy_record(found: Gathered, store: Store, key: str | None) -> None:
    """Copy a run record, with its decision and what was kept for the version beside it."""
    if key is None or not found.copy(store, key):
        return
    folder = key.rpartition("/")[0]
    for entry in store.list(folder):
        if entry.key.removeprefix(f"{folder}/").startswith(_KEPT):
            found.copy(store, entry.key)


def _copy_request(found: Gathered, store: Store, case: VersionCase) -> None:
    if case.request is None:
        return
    folder = f"requests/{case.request.model}"
    stem = f"{folder}/{case.request.number:06d}"
    for name in (".json", approvals.ENDING, ".decision.json", ".answer.json"):
        if store.exists(f"{stem}{name}"):
            found.copy(store, f"{stem}{name}")


def _deliveries(case: VersionCase, tables: Tables, dataset: str) -> Iterator[str]:
    """Yield the keys of the records of all deliveries in the pinned versions of the tables."""
    pinned = {**case.manifest, **case.verdict("snapshot").numbers}
    streams = case.specs.dataset.streams.delivered if case.specs else ("features", "labels")
    seen = set[str]()
    for stream in streams:
        version = pinned.get(f"{stream}_version")
        if not isinstance(version, int):
            continue
        notes: list[Mapping[str, str]] = []
        with suppress(NotFound):
            notes = tables.notes(f"{dataset}/{stream}", version=version)
        for note in notes:
            key = note.get("record")
            if key is not None and key not in seen:
                seen.add(key)
                yield key


def _copy_delivery(found: Gathered, store: Store, key: str) -> None:
    """Copy the record of a delivery, and what its expectations said without what they saw."""
    if not found.copy(store, key):
        return
    record = RunRecord.from_json(read_json(store, key))
    results = find_json(store, f"{record.ref.folder}/expectations.json")
    if results is not None:
        kept = [{name: one.get(name) for name in _OF_AN_EXPECTATION} for one in results]
        found.files[f"{EXPECTATIONS}/{record.ref.run}.json"] = encode(kept)
