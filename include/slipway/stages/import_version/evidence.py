"""What another environment recorded of a version: its gates, its rollout; and that it is unedited.

Only its ledger is asked which records there are, up to the head that was written down in that
environment's MLflow, and all of it is proved first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from slipway.errors import Tampered
from slipway.records import ledger
from slipway.records.run_records import RunRecord
from slipway.records.store import Store, digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG, SERVING

TRAINED = {"train": "trained", "gate": "promote", "promote_challenger": "promoted"}
"""The stages of a training without which there is no version, and what they have to have said."""

COPIED = {"copy": "copied", "bring": "brought"}
"""The same for a version that was brought to the source from a third environment."""

ROLLED_OUT = {"verify": "verified", "switch": "switched", "promote_champion": "promoted"}
"""The same for the rollout that made it champion."""

INDEX = "evidence.json"
BREAKS_SHOWN = 3

Entry = Mapping[str, Any]


class Anchors(Protocol):
    """The part of a registry where the ledger's head is written down."""

    def anchored(self, model: str) -> ledger.Head | None:
        """The ledger's head that was written down last, or None."""


@dataclass(frozen=True)
class Evidence:
    """What a version's own environment recorded of it.

    Attributes:
        version: Its number there.
        born: Run that trained it, or brought it there.
        rollout: Run of the newest rollout that made it champion or rolled it back; None: none did.
        was_rolled_back: Whether that one rolled it back.
        tag: What became of it, by its tag; empty: nothing yet.
        head: The ledger's head that MLflow was told; None: it was told none.
        verdicts: What each stage said, by name.
        records: Each record as it stands there, by run and stage.
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
        """Whether it was brought there from a third environment."""
        return "copy" in self.verdicts

    @property
    def judgement(self) -> Verdict:
        """What its gate, there or before that, compared."""
        return self.verdicts["bring" if self.is_second_hand else "gate"]

    @property
    def index(self) -> dict[str, str]:
        """SHA-256 of each record, by run and stage."""
        return {name: digest(data) for name, data in sorted(self.records.items())}

    @property
    def sha256(self) -> str:
        """Digest of all of it."""
        return digest(encode(self.index))

    @property
    def _needed(self) -> dict[str, str]:
        born = COPIED if self.is_second_hand else TRAINED
        return born if self.rollout is None or self.was_rolled_back else born | ROLLED_OUT

    def missing(self) -> list[str]:
        """What is not there, or does not say that the version passed; none when all is well."""
        found = []
        if self.head is None:
            found.append("the head of its ledger was never written down in MLflow")
        elif self.rollout is None:
            found.append("no rollout made it champion")
        elif self.was_rolled_back:
            found.append(f"{self.rollout} rolled it back")
        elif self.tag != SERVING:
            found.append(
                f"its tag {ROLLOUT_TAG} says {self.tag or 'nothing'!r} instead of {SERVING!r}"
            )
        for stage, word in self._needed.items():
            verdict = self.verdicts.get(stage)
            if verdict is None:
                found.append(f"there is no record of its {stage}")
            elif verdict.action != word:
                found.append(f"its {stage} says {verdict.action!r} instead of {word!r}")
        return found


def gather_evidence(
    store: Store, registry: Anchors, version: ModelVersion, *, sha256: str
) -> Evidence:
    """What an environment recorded of one of its versions.

    Args:
        store: That environment's.
        registry: Likewise.
        version: The version there.
        sha256: Digest of its manifest, as its tags say.

    Raises:
        Tampered: The ledger or a record was changed, or the version was registered with another
            digest than its tags say now.
        StoreUnavailable: The store does not answer.
    """
    model = version.model
    head = registry.anchored(model)
    _prove(store, model, head)
    # What follows the head could be added by whoever writes to the store alone.
    entries = ledger.read(store, model)[: head.sequence if head else 0]
    born = version.run_key.removeprefix(f"{model}/")
    rolled = _newest_rollout(entries, version.version)
    found = _of_run(entries, born, {"evaluate", *TRAINED, "copy"})
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
        | _handed_on(store, parsed),
    )
    _refuse_others(evidence, sha256)
    return evidence


def _prove(store: Store, model: str, head: ledger.Head | None) -> None:
    breaks = ledger.verify(store, model, anchor=head)
    if breaks:
        shown = [f"{found.key} {found.problem}" for found in breaks[:BREAKS_SHOWN]]
        raise Tampered(
            f"the ledger of {model} does not hold where the version comes from",
            expected="every entry and record as it was written",
            found="; ".join(shown) + (" …" if len(breaks) > BREAKS_SHOWN else ""),
            where=store.root,
            hint="`slipway ledger verify` there shows all of it",
        )


def _refuse_others(evidence: Evidence, sha256: str) -> None:
    """Raise where the records are about other bytes, or another version."""
    for stage, name in (("train", "manifest_sha256"), ("copy", "manifest_sha256")):
        verdict = evidence.verdicts.get(stage)
        if verdict is not None and verdict.evidence.get(name) != sha256:
            raise Tampered(
                f"version {evidence.version} is not the one that was registered",
                expected=f"sha256 {verdict.evidence.get(name)}, which {evidence.born} recorded",
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
    """A run's facts by stage; None: of every stage."""
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
    """The fact of the newest promotion that made a version champion, or rolled it back."""
    for entry in entries[::-1]:
        fact: Entry = entry["fact"]
        if (fact.get("stage"), fact.get("action")) != ("promote_champion", "promoted"):
            continue
        is_back = fact["numbers"].get("action") == "roll_back"
        if _names(fact, "version") == version or (is_back and _names(fact, "before") == version):
            return fact
    return None


def _handed_on(store: Store, parsed: Mapping[str, RunRecord]) -> dict[str, bytes]:
    """What a third environment had recorded, as it was handed to the source."""
    if "bring" not in parsed:
        return {}
    folder = parsed["bring"].ref.folder
    index = store.read(f"{folder}/{INDEX}")
    if digest(index) != parsed["bring"].verdict.evidence.get("records_sha256"):
        raise Tampered("the evidence that came with a version was changed", where=folder)
    handed = {}
    for name, sha256 in json.loads(index).items():
        data = store.read(f"{folder}/evidence/{name}.json")
        if digest(data) != sha256:
            raise Tampered("a record that came with a version was changed", where=folder)
        handed[f"earlier/{name}"] = data
    return handed


def _record(data: bytes) -> RunRecord:
    return RunRecord.from_json(json.loads(data))


def _names(fact: Entry, number: str) -> Any:
    return fact["numbers"].get(number)
