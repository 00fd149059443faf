"""Gather what the records hold about one version: its training, its request and its rollouts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable, NotFound, Tampered
from slipway.records import ledger, requests
from slipway.records.requests import Decision, Request
from slipway.records.run_records import RECORD, RunRecord
from slipway.records.run_specs import read_run_specs
from slipway.records.store import find_json, read_json
from slipway.records.verdicts import Number, Verdict
from slipway.stages.model.shipped import REFIT, shipping_stage

if TYPE_CHECKING:
    from slipway.records.kept_specs import KeptSpecs
    from slipway.records.store import Store
    from slipway.stages.ports.registry import ModelVersion

BRING = "bring"
NO_VERDICT = Verdict("", "")
"""In place of the verdict of a stage that has no record."""

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class VersionCase:
    """Records of one version.

    Attributes:
        version: The registered version.
        records: Records of the run that registered it, by stage; of an imported version also those
            that its environment kept.
        request: Request that it answers; None: not here.
        decision: Decision on the request; None: not here.
        specs: Specs that it was trained by; None: not kept.
        later: Records of rollouts and windows that name it, oldest first.
        manifest: Manifest, where it was read.
        entered: Number in the ledger of each record, by its key.
    """

    version: ModelVersion
    records: Mapping[str, RunRecord]
    request: Request | None
    decision: Decision | None
    specs: KeptSpecs | None
    later: Sequence[RunRecord] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    entered: Mapping[str, int] = field(default_factory=dict)

    def verdict(self, stage: str) -> Verdict:
        """Return the verdict of a stage; an empty one where it has no record."""
        record = self.records.get(stage)
        return NO_VERDICT if record is None else record.verdict

    def number(self, stage: str, name: str) -> Number:
        """Return a number of a stage's verdict; None where there is none."""
        return self.verdict(stage).numbers.get(name)

    @property
    def shipped(self) -> Verdict:
        """Verdict of the stage that made the version's folder: its training, or its refit."""
        return self.verdict(shipping_stage({REFIT: self.verdict(REFIT)}))

    @property
    def evidence(self) -> Mapping[str, str]:
        """Evidence of that stage."""
        return self.shipped.evidence


def read_training(store: Store, version: ModelVersion) -> VersionCase:
    """Return the records of the run that registered a version, without what came later."""
    subject, _, run = version.run_key.partition("/")
    records = _records_of_run(store, subject, run) if run else {}
    number = requests.number_of(run)
    request = decision = None
    if number is not None:
        with suppress(NotFound, Tampered, TypeError):
            request = requests.read_request(store, subject, number)
            decision = requests.find_decision(store, request)
    evidence = records["train"].verdict.evidence if "train" in records else {}
    specs = None
    with suppress(NotComputable, Tampered):
        specs = read_run_specs(store, evidence, what=f"version {version.version}")
    entered = _entered(store, list(records.values()))
    return VersionCase(version, records, request, decision, specs, entered=entered)


def read_case(
    store: Store, version: ModelVersion, *, manifest: Mapping[str, Any] | None = None
) -> VersionCase:
    """Return the records of a version, those of later rollouts and windows, too.

    Args:
        store: Store of the records.
        version: The registered version.
        manifest: Its manifest, where it is at hand.
    """
    begun = read_training(store, version)
    records, later = dict(begun.records), []
    for record in _named_records(store, version):
        if record.ref.stage == BRING:
            # Of the environment that trained it; what was recorded here counts first.
            records = {**_brought(store, record), **records, BRING: record}
        elif record.ref.stage not in begun.records or record.ref.run not in version.run_key:
            later.append(record)
    entered = {**begun.entered, **_entered(store, [*records.values(), *later])}
    return VersionCase(
        version=version,
        records=records,
        request=begun.request,
        decision=begun.decision,
        specs=begun.specs,
        later=tuple(later),
        manifest=manifest or {},
        entered=entered,
    )


def concerns(entries: Sequence[Entry], version: ModelVersion) -> list[Entry]:
    """Return the entries of a model's ledger about a version: its runs, rollouts and windows.

    Args:
        entries: Entries of the chain.
        version: The version.
    """
    born = version.run_key.partition("/")[2]
    suffix = f"-v{version.version}"

    def run_of(entry: Entry) -> str:
        return str(_fact(entry).get("run", ""))

    named = {
        run_of(entry)
        for entry in entries
        if (_fact(entry).get("numbers") or {}).get("version") == version.version
    }
    runs = {born, *named} - {""}
    return [one for one in entries if run_of(one) in runs or run_of(one).endswith(suffix)]


def _fact(entry: Entry) -> Mapping[str, Any]:
    fact = entry.get("fact")
    return fact if isinstance(fact, dict) else {}


def _named_records(store: Store, version: ModelVersion) -> Iterator[RunRecord]:
    """Records of the ledger's entries about a version, oldest first."""
    for entry in concerns(ledger.read(store, version.model, damaged="mark"), version):
        key = _fact(entry).get("record")
        with suppress(NotFound, Tampered, KeyError, TypeError):
            if key is not None:
                yield RunRecord.from_json(read_json(store, key))


def _records_of_run(store: Store, subject: str, run: str) -> dict[str, RunRecord]:
    folder = f"runs/{subject}/{run}"
    found = {}
    for entry in store.list(folder):
        name = entry.key.removeprefix(f"{folder}/")
        if name.count("/") == 1 and name.endswith(f"/{RECORD}"):
            record = RunRecord.from_json(read_json(store, entry.key))
            found[record.ref.stage] = record
    return found


def _brought(store: Store, record: RunRecord) -> dict[str, RunRecord]:
    """Records of the source that an import kept, by stage."""
    index = record.verdict.evidence.get("records")
    found: dict[str, RunRecord] = {}
    if index is None:
        return found
    folder = index.rpartition("/")[0]
    for name in find_json(store, index) or {}:
        with suppress(NotFound, Tampered, KeyError, TypeError, json.JSONDecodeError):
            kept = RunRecord.from_json(read_json(store, f"{folder}/evidence/{name}.json"))
            found[kept.ref.stage] = kept
    return found


def _entered(store: Store, records: Sequence[RunRecord]) -> dict[str, int]:
    found = {}
    for record in records:
        marker = find_json(store, f"{record.ref.folder}/entered.json")
        if marker is not None:
            found[record.ref.key] = int(marker["sequence"])
    return found
