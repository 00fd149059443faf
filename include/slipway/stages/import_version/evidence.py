"""Gather another environment's evidence of a version: gates, rollout, unedited records.

The source's ledger, up to the head that is anchored in its MLflow, decides which records there
are; ledger and records are verified first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import Tampered
from slipway.records import ledger
from slipway.records.champion_history import is_promotion
from slipway.records.run_records import RunRecord
from slipway.records.store import Store, digest, encode, parse_json
from slipway.records.verdicts import Verdict
from slipway.stages.model.shipped import REFIT, shipping_stage
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG, SERVED, SERVING

TRAINED = {"train": "trained", "gate": "promote", "promote_challenger": "promoted"}
"""Stages of a training that must have a record, and the verdict of each."""

COPIED = {"copy": "copied", "bring": "brought"}
"""The same for a version that the source imported from a third environment."""

ROLLED_OUT = {"verify": "verified", "switch": "switched", "promote_champion": "promoted"}
"""The same for the rollout that made it champion."""

INDEX = "evidence.json"
BREAKS_SHOWN = 3

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """Records of a version in its own environment.

    Attributes:
        version: Number of the version there.
        born: Run that trained or imported it.
        rollout: Newest rollout that promoted it or rolled it back; None: there is none.
        was_rolled_back: Whether that rollout rolled it back.
        tag: Outcome of its last rollout, from its tag; empty: none yet.
        head: Ledger's head that is anchored in MLflow; None: there is none.
        verdicts: Verdict by stage.
        records: Bytes of each record, by run and stage.
    """

    version: int
    born: str
    rollout: str | None
    was_rolled_back: bool
    tag: str
    head: ledger.Head | None
    verdicts: Mapping[str, Verdict]
    records: Mapping[str, bytes] = field(repr=False)

    @property
    def is_second_hand(self) -> bool:
        """Whether the source imported it from a third environment."""
        return "copy" in self.verdicts

    @property
    def judgement(self) -> Verdict:
        """Verdict of its gates, with the numbers compared."""
        return self.verdicts["bring" if self.is_second_hand else "gate"]

    @property
    def index(self) -> dict[str, str]:
        """SHA-256 of each record, by run and stage."""
        return {name: digest(data) for name, data in sorted(self.records.items())}

    @property
    def sha256(self) -> str:
        """Digest of the index."""
        return digest(encode(self.index))

    @property
    def _needed(self) -> dict[str, str]:
        born = COPIED if self.is_second_hand else TRAINED
        return born if self.rollout is None or self.was_rolled_back else born | ROLLED_OUT

    def missing(self) -> list[str]:
        """Evidence that is absent or does not show that the version passed."""
        found = []
        if self.head is None:
            found.append("the head of its ledger was never anchored in MLflow")
        elif self.rollout is None:
            found.append("no rollout made it champion")
        elif self.was_rolled_back:
            found.append(f"{self.rollout} rolled it back")
        elif self.tag not in {SERVING, SERVED}:
            found.append(
                f"its tag {ROLLOUT_TAG} is {self.tag or 'absent'!r} instead of {SERVING!r}"
            )
        for stage, word in self._needed.items():
            verdict = self.verdicts.get(stage)
            if verdict is None:
                found.append(f"there is no record of its {stage}")
            elif verdict.action != word:
                found.append(
                    f"the verdict of its {stage} is {verdict.action!r} instead of {word!r}"
                )
        return found


def gather_evidence(
    store: Store, registry: Registry, version: ModelVersion, *, sha256: str
) -> Evidence:
    """Gather the records of a version in its environment.

    Args:
        store: Store of that environment.
        registry: Registry of that environment.
        version: The version.
        sha256: Digest of its manifest, from its tags.

    Raises:
        Tampered: The ledger or a record was changed, or the version was registered with another
            digest than the one in its tags.
        StoreUnavailable: The store does not answer.
    """
    model = version.model
    head = registry.anchored(model)
    _verify_ledger(store, model, head)
    # Entries after the head need no access to MLflow, so they prove nothing.
    entries = ledger.read(store, model)[: head.sequence if head else 0]
    born = version.run_key.removeprefix(f"{model}/")
    rolled = _newest_rollout(entries, version.version)
    found = _of_run(entries, born, {"evaluate", *TRAINED, REFIT, "copy"})
    found |= _newest_about(entries, "bring", version.version) if "copy" in found else {}
    if rolled is not None:
        found |= _of_run(entries, rolled["run"], None)
    records = {stage: store.read(fact["record"]) for stage, fact in found.items()}
    parsed = {stage: _record(data) for stage, data in records.items()}
    evidence = Evidence(
        version=version.version,
        born=born,
        rollout=rolled["run"] if rolled else None,
        was_rolled_back=rolled is not None and _names(rolled, "version") != version.version,
        tag=version.tags.get(ROLLOUT_TAG, ""),
        head=head,
        verdicts={stage: record.verdict for stage, record in parsed.items()},
        records={f"{record.ref.run}/{stage}": records[stage] for stage, record in parsed.items()}
        | _earlier_records(store, parsed),
    )
    _check_identity(evidence, sha256)
    return evidence


def _verify_ledger(store: Store, model: str, head: ledger.Head | None) -> None:
    breaks = ledger.verify(store, model, anchor=head)
    if breaks:
        shown = [f"{found.key} {found.problem}" for found in breaks[:BREAKS_SHOWN]]
        raise Tampered(
            f"the ledger of {model} is broken in the source environment",
            expected="every entry and record as it was written",
            found="; ".join(shown) + (" …" if len(breaks) > BREAKS_SHOWN else ""),
            where=store.root,
            hint="`slipway ledger verify` there shows every break",
        )


def _check_identity(evidence: Evidence, sha256: str) -> None:
    """Raise if the records are about another digest or version."""
    for stage in (shipping_stage(evidence.verdicts), "copy"):
        verdict = evidence.verdicts.get(stage)
        if verdict is not None and verdict.evidence.get("manifest_sha256") != sha256:
            recorded = verdict.evidence.get("manifest_sha256")
            raise Tampered(
                f"version {evidence.version} is not the one that was registered",
                expected=f"sha256 {recorded}, which {evidence.born} recorded",
                found=f"sha256 {sha256} in its tags",
            )
    for stage in ("promote_challenger", "bring"):
        verdict = evidence.verdicts.get(stage)
        number = None if verdict is None else verdict.numbers.get("version")
        if number is not None and number != evidence.version:
            raise Tampered(
                f"version {evidence.version} is not the one that was registered",
                expected=f"version {number}, which {evidence.born} recorded",
                found=f"{evidence.born} in the tags of version {evidence.version}",
            )


def _of_run(entries: Sequence[Entry], run: str, stages: set[str] | None) -> dict[str, Entry]:
    """Ledger facts of a run by stage; None: every stage."""
    facts = [entry["fact"] for entry in entries if entry["fact"].get("run") == run]
    return {
        fact["stage"]: fact
        for fact in facts
        if "record" in fact and (stages is None or fact["stage"] in stages)
    }


def _newest_about(entries: Sequence[Entry], stage: str, version: int) -> dict[str, Entry]:
    for entry in entries[::-1]:
        fact = entry["fact"]
        is_it = (fact.get("stage"), fact.get("action")) == (stage, COPIED[stage])
        if is_it and _names(fact, "version") == version:
            return {stage: fact}
    return {}


def _newest_rollout(entries: Sequence[Entry], version: int) -> Entry | None:
    """Ledger fact of the newest rollout that promoted a version or rolled it back."""
    for entry in entries[::-1]:
        fact: Entry = entry["fact"]
        if not is_promotion(fact):
            continue
        is_back = fact["numbers"].get("action") == "roll_back"
        if _names(fact, "version") == version or (is_back and _names(fact, "before") == version):
            return fact
    return None


def _earlier_records(store: Store, parsed: Mapping[str, RunRecord]) -> dict[str, bytes]:
    """Records of a third environment, which the source imported with the version."""
    if "bring" not in parsed:
        return {}
    folder = parsed["bring"].ref.folder
    index = store.read(f"{folder}/{INDEX}")
    if digest(index) != parsed["bring"].verdict.evidence.get("records_sha256"):
        raise Tampered("the evidence that came with a version was changed", where=folder)
    handed = {}
    for name, sha256 in parse_json(index).items():
        data = store.read(f"{folder}/evidence/{name}.json")
        if digest(data) != sha256:
            raise Tampered("a record that came with a version was changed", where=folder)
        handed[f"earlier/{name}"] = data
    return handed


def _record(data: bytes) -> RunRecord:
    return RunRecord.from_json(parse_json(data))


def _names(fact: Entry, number: str) -> Any:
    return fact["numbers"].get(number)
