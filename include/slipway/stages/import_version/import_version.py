"""Bringing a version from another environment: the same bytes, with the evidence for them.

Level-triggered: the same source version is one version here, however often it is brought and
wherever an attempt was killed. It becomes the challenger last, so one that is has its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slipway.errors import NotFound
from slipway.records import ledger
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.import_version.copy import FetchedVersion, copy_run, copy_version
from slipway.stages.import_version.eligibility import EligibilityFacts, check_eligibility
from slipway.stages.import_version.environments import SourceEnvironment, TargetEnvironment
from slipway.stages.import_version.evidence import INDEX, Evidence, gather_evidence
from slipway.stages.import_version.import_tags import source_tags, version_tags
from slipway.stages.import_version.regate import (
    Champion,
    RegateResult,
    champion_label,
    needs_local_rows,
    pin_newest_rows,
    regate_on_local_rows,
    regate_on_source_numbers,
)
from slipway.stages.import_version.schema_compat import schema_differences
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.manifest import open_sealed
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG

BRING, BROUGHT = "bring", "brought"


def import_version(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    version: ModelVersion,
    source: SourceEnvironment,
    here: TargetEnvironment,
    replace: bool,
    origin: Mapping[str, Any],
) -> RunRecord | Verdict:
    """`brought`, its version the challenger here; `known` when it was before; or `refused`.

    Args:
        spec: The model here.
        dataset: Its dataset here.
        version: The source's version.
        source: Where it is.
        here: Where it shall be.
        replace: Whether it takes the place of another challenger that waits here.
        origin: Who asks for it.

    Raises:
        Tampered: A file, a record or a tag of it differs from what was registered.
        NotComputable: It has to be compared with the champion here, and there are no rows for that.
        RegistryUnavailable: One of the two MLflow servers does not answer.
        StoreUnavailable: One of the two stores does not answer.
        Superseded: Somebody else brings the same version just now.
    """
    with TemporaryDirectory(prefix="slipway-bring-") as scratch:
        # MLflow calls a logged model as its folder is called.
        folder = source.registry.download(spec.model, version.version, Path(scratch) / spec.model)
        sha256 = version.tags[DIGEST]
        manifest = open_sealed(folder, sha256=sha256)
        evidence = gather_evidence(source.store, source.registry, version, sha256=sha256)
        bringing = _Bringing(
            spec, dataset, version, source, here, folder, manifest, evidence, origin
        )
        return bringing.run(replace=replace)


@dataclass(frozen=True)
class _Bringing:
    """One version on its way, so that its steps need not hand everything on."""

    spec: ModelSpec
    dataset: DatasetSpec
    version: ModelVersion
    source: SourceEnvironment
    here: TargetEnvironment
    folder: Path
    manifest: Mapping[str, Any]
    evidence: Evidence
    origin: Mapping[str, Any]

    def run(self, *, replace: bool) -> RunRecord | Verdict:
        """What became of it."""
        champion = self._champion()
        facts = self._facts(champion, replace=replace)
        decision = check_eligibility(facts)
        numbers = {"version": facts.known, "source.version": facts.version}
        verdict = Verdict(decision.action, decision.reason, numbers)
        outcome: RunRecord | Verdict = verdict
        if decision.action == "refused":
            outcome = self._record(asdict(facts), lambda _: verdict)
        if decision.action == "weigh":
            outcome = self._weigh(champion)
            if outcome.verdict.action == BROUGHT:
                brought = int(outcome.verdict.numbers["version"] or 0)
                self.here.registry.set_alias(self.spec.model, CHALLENGER, brought)
        self.here.registry.anchor(self.spec.model, ledger.head(self.here.store, self.spec.model))
        return outcome

    def _weigh(self, champion: Champion | None) -> RunRecord:
        """Record of what the gates here said: one for the same champion, rows and evidence."""
        tables = self.here.scales.tables
        at = (
            pin_newest_rows(tables, self.dataset)
            if needs_local_rows(champion, self._compared())
            else None
        )
        basis = {
            "source": self.source.name,
            "source.version": self.version.version,
            "manifest": self._sha256,
            "evidence": self.evidence.sha256,
            "champion": None if champion is None else asdict(champion),
            "gates": self.spec.gates.model_dump(),
            "rows": None if at is None else [at.features_version, at.labels_version],
        }
        return self._record(basis, lambda attempt: self._act(attempt, self._said(champion, at)))

    def _said(self, champion: Champion | None, at: Snapshot | None) -> RegateResult:
        """What the gates here say."""
        if champion is None or at is None:
            return regate_on_source_numbers(self.spec, self.evidence.judgement, champion)
        return regate_on_local_rows(
            self.spec,
            self.dataset,
            folder=self.folder,
            champion=champion,
            at=at,
            scales=self.here.scales,
        )

    def _act(self, attempt: Attempt, weighed: RegateResult) -> Verdict:
        """Copy and register what holds the gates."""
        what, said = self._what, weighed.verdict
        numbers = {**said.numbers, "source.version": self.version.version}
        if not weighed.holds:
            return Verdict("refused", f"{what}, {weighed.how}: {said.reason}", numbers)
        tags = source_tags(
            self.version, self.evidence, source=self.source.name, store=self.source.store.root
        )
        copied = copy_version(
            self.spec.model,
            FetchedVersion(self.folder, self._sha256, self._run_id, tags),
            runs=self.source.runs,
            store=self.here.store,
            tracking=self.here.tracking,
            artifacts=self.here.artifacts,
            origin=self.origin,
        )
        records = self._keep_records(attempt, copied.verdict.evidence["mlflow_run"])
        attempt.check()
        number = self._register(copied, version_tags(self.manifest, weighed, tags, copied))
        reason = f"{what} is version {number} here, byte for byte; weighed {weighed.how}. "
        evidence = {
            "model": f"models:/{self.spec.model}/{number}",
            **copied.verdict.evidence,
            **records,
        }
        return Verdict(BROUGHT, reason + said.reason, {**numbers, "version": number}, evidence)

    def _register(self, copied: RunRecord, tags: Mapping[str, str]) -> int:
        """Number of the version here; what was compared last stands in its tags."""
        registry, model = self.here.registry, self.spec.model
        known = registry.with_digest(model, self._sha256) or registry.register(
            model,
            model_uri=copied.verdict.evidence["model_uri"],
            run_key=f"{model}/{copied.ref.run}",
            tags=tags,
        )
        registry.tag(model, known.version, tags)
        return known.version

    def _keep_records(self, attempt: Attempt, run_id: str) -> dict[str, str]:
        """Keep the source's records beside this one and beside the run; where, and their digest."""
        store, folder = self.here.store, attempt.ref.folder
        index = encode(self.evidence.index)
        files = {f"evidence/{name}.json": data for name, data in self.evidence.records.items()}
        with TemporaryDirectory(prefix="slipway-evidence-") as scratch:
            for name, data in {INDEX: index, **files}.items():
                store.write(f"{folder}/{name}", data)
                target = Path(scratch) / "slipway" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            self.here.artifacts.attach(run_id, Path(scratch))
        return {"records": f"{folder}/{INDEX}", "records_sha256": digest(index)}

    def _facts(self, champion: Champion | None, *, replace: bool) -> EligibilityFacts:
        registry, model = self.here.registry, self.spec.model
        known = registry.with_digest(model, self._sha256)
        waiting = registry.alias(model, CHALLENGER)
        number = None if known is None else known.version
        tags = {} if known is None else known.tags
        is_champion = champion is not None and champion.version == number
        is_waiting = waiting is not None and waiting.version == number
        # One that is champion already, or may not be rolled out by itself, waits for nothing.
        others = (
            waiting is not None
            and waiting.version not in {number, champion and champion.version}
            and waiting.tags.get(ROLLOUT_TAG) not in BLOCKED
        )
        return EligibilityFacts(
            source=self.source.name,
            version=self.version.version,
            sha256=self._sha256,
            missing=tuple(self.evidence.missing()),
            misfits=tuple(schema_differences(self.spec, self.dataset, self.manifest)),
            known=number,
            is_own=known is not None and known.run_key != f"{model}/{copy_run(self._sha256)}",
            blocked=tags.get(ROLLOUT_TAG) if tags.get(ROLLOUT_TAG) in BLOCKED else None,
            is_champion=is_champion,
            is_ready=is_waiting and tags.get(COMPARED_WITH) == champion_label(champion),
            waiting=waiting.version if waiting is not None and others else None,
            replace=replace,
        )

    def _champion(self) -> Champion | None:
        found = self.here.registry.alias(self.spec.model, CHAMPION)
        return None if found is None else Champion(found.version, found.tags.get(DIGEST))

    def _compared(self) -> str | None:
        """Digest of the champion that the source's gates compared with; None: not known."""
        number = self.evidence.judgement.numbers.get("champion.version")
        if number is None:
            return None
        try:
            return self.source.registry.version(self.spec.model, int(number)).tags.get(DIGEST)
        except NotFound:
            return None

    def _record(self, basis: Mapping[str, Any], work: Callable[[Attempt], Verdict]) -> RunRecord:
        ref = RunRef(self.spec.model, f"{BRING}-{digest(encode(basis))[:12]}", BRING)
        return perform(self.here.store, ref, work, inputs=basis, origin=self.origin)

    @property
    def _sha256(self) -> str:
        return self.version.tags[DIGEST]

    @property
    def _run_id(self) -> str:
        """The source's training run, or the one that holds the copy there."""
        born = self.evidence.verdicts["copy" if self.evidence.is_second_hand else "train"]
        return born.evidence["mlflow_run"]

    @property
    def _what(self) -> str:
        return f"Version {self.version.version} of {self.source.name}"
