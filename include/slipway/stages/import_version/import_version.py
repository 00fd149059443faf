"""Import a version from another environment: the same files, with the evidence for them.

Level-triggered: a source version is one version here, however often it is imported and wherever
an attempt was killed. It becomes challenger last, so a challenger has its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slipway.errors import NotFound
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.scratch_folder import scratch_folder
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
from slipway.stages.model.ledger_anchors import anchor_ledgers, require_unbroken
from slipway.stages.model.manifest import open_sealed
from slipway.stages.model.registered_tags import keep_registered_tags
from slipway.stages.model.registry_losses import find_lost_champion
from slipway.stages.model.sign_version import carry_signature, sign_version
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG
from slipway.stages.train.dry_run import as_dry_run
from slipway.stages.train.register_version import register_version

BRING, BROUGHT = "bring", "brought"


def import_version(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    version: ModelVersion,
    source: SourceEnvironment,
    target: TargetEnvironment,
    context: RunContext,
    replace: bool,
    without_champion: bool = False,
) -> RunRecord | Verdict:
    """Import a version as challenger: `brought`, `known` if it is here already, or `refused`.

    Args:
        spec: The model here.
        dataset: Its dataset here.
        version: Version at the source.
        source: Environment that it comes from.
        target: This environment.
        context: Store of this environment's records, and origin.
        replace: Whether it replaces another challenger that waits here.
        without_champion: Whether the gates may leave a champion out that the registry here lost.

    Raises:
        Tampered: A file, record or tag of the version differs from what was registered, or a ledger
            here does not continue what was anchored.
        BadSignature: The version is not signed by a key that is trusted here.
        NotComputable: A comparison with the champion here is needed and has no rows.
        RegistryUnavailable: One of the two MLflow servers does not answer.
        StoreUnavailable: One of the two stores does not answer.
        Superseded: Another attempt imports the same version.
    """
    with scratch_folder("slipway-bring-", needs="the version's folder") as scratch:
        # MLflow names a logged model after its folder.
        folder = source.registry.download(spec.model, version.version, scratch / spec.model)
        sha256 = version.tags[DIGEST]
        manifest = open_sealed(folder, sha256=sha256)
        evidence = gather_evidence(source.store, source.registry, version, sha256=sha256)
        work = _Import(spec, dataset, version, source, target, folder, manifest, evidence, context)
        return work.run(replace=replace, without_champion=without_champion)


@dataclass(frozen=True)
class _Import:
    """Inputs and adapters of one import."""

    spec: ModelSpec
    dataset: DatasetSpec
    version: ModelVersion
    source: SourceEnvironment
    target: TargetEnvironment
    folder: Path
    manifest: Mapping[str, Any]
    evidence: Evidence
    context: RunContext

    def run(self, *, replace: bool, without_champion: bool) -> RunRecord | Verdict:
        """Check eligibility, regate, copy and register."""
        registry, store, model = self.target.registry, self.context.store, self.spec.model
        require_unbroken(store, registry, model, dataset=self.spec.dataset)
        champion = self._champion()
        facts = self._facts(champion, replace=replace, without_champion=without_champion)
        decision = check_eligibility(facts)
        numbers = {"version": facts.known, "source.version": facts.version}
        verdict = Verdict(decision.action, decision.reason, numbers)
        outcome: RunRecord | Verdict = verdict
        if decision.action == "refused":
            outcome = self._record(asdict(facts), lambda _: verdict)
        if decision.action == "regate":
            outcome = self._regate(champion, waiting=facts.waiting)
            if outcome.verdict.action == BROUGHT:
                brought = int(outcome.verdict.numbers["version"] or 0)
                registry.set_alias(model, CHALLENGER, brought)
        anchor_ledgers(store, registry, model, dataset=self.spec.dataset)
        return outcome

    def _regate(self, champion: Champion | None, *, waiting: int | None) -> RunRecord:
        """Gate, copy and register, once for the same champion, challenger, rows and evidence."""
        tables = self.target.regate.tables
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
            # The newest registration of the ledger is the challenger, so this is one again.
            **({} if waiting is None else {"replaces": waiting}),
        }
        return self._record(
            basis,
            lambda attempt: self._register_if_passed(attempt, self._apply_gates(champion, at)),
        )

    def _apply_gates(self, champion: Champion | None, at: Snapshot | None) -> RegateResult:
        """Apply the gates here."""
        if champion is None or at is None:
            return regate_on_source_numbers(self.spec, self.evidence.judgement, champion)
        return regate_on_local_rows(
            self.spec,
            self.dataset,
            folder=self.folder,
            champion=champion,
            at=at,
            tools=self.target.regate,
            store=self.context.store,
        )

    def _register_if_passed(self, attempt: Attempt, regated: RegateResult) -> Verdict:
        """Copy and register the version if every gate holds."""
        what, gated = self._what, regated.verdict
        numbers = {**gated.numbers, "source.version": self.version.version}
        if not regated.holds:
            return Verdict("refused", f"{what}, {regated.how}: {gated.reason}", numbers)
        if self.spec.gates.dry_run:
            return Verdict("refused", f"{what}, {regated.how}: {as_dry_run(gated).reason}", numbers)
        tags = source_tags(
            self.version, self.evidence, source=self.source.name, store=self.source.store.root
        )
        copied = copy_version(
            self.spec.model,
            FetchedVersion(self.folder, self._sha256, self._run_id, tags),
            context=self.context,
            source_runs=self.source.runs,
            runs=self.target.runs,
            tracking=self.target.tracking,
        )
        records = self._keep_records(attempt, copied.verdict.evidence["mlflow_run"])
        attempt.check()
        told = version_tags(self.manifest, regated, tags, copied)
        number = self._register(copied, told)
        reason = f"{what} is version {number} here, byte for byte; gated {regated.how}. "
        evidence = {
            "model": f"models:/{self.spec.model}/{number}",
            **copied.verdict.evidence,
            **records,
            **keep_registered_tags(self.context.store, attempt.ref, told),
        }
        return Verdict(BROUGHT, reason + gated.reason, {**numbers, "version": number}, evidence)

    def _register(self, copied: RunRecord, tags: Mapping[str, str]) -> int:
        """Register the version, or update its tags to the latest comparison; return its number.

        It is signed by the key of this environment; without one it keeps the source's signature.
        """
        registry, model = self.target.registry, self.spec.model
        known = register_version(
            model,
            model_uri=copied.verdict.evidence["model_uri"],
            run_key=f"{model}/{copied.ref.run}",
            tags=tags,
            store=self.context.store,
            registry=registry,
            known=registry.with_digest(model, self._sha256),
        )
        registry.tag(model, known.version, tags)
        if not sign_version(
            known, sha256=self._sha256, registry=registry, signing=self.target.signing
        ):
            carry_signature(self.folder, known, registry=registry)
        return known.version

    def _keep_records(self, attempt: Attempt, run_id: str) -> dict[str, str]:
        """Store the source's records beside this one and the run; return their key and digest."""
        store, folder = self.context.store, attempt.ref.folder
        index = encode(self.evidence.index)
        files = {f"evidence/{name}.json": data for name, data in self.evidence.records.items()}
        with scratch_folder("slipway-evidence-", needs="the source's records") as scratch:
            for name, data in {INDEX: index, **files}.items():
                store.write(f"{folder}/{name}", data)
                target = scratch / "slipway" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            self.target.runs.attach(run_id, scratch)
        return {"records": f"{folder}/{INDEX}", "records_sha256": digest(index)}

    def _facts(
        self, champion: Champion | None, *, replace: bool, without_champion: bool
    ) -> EligibilityFacts:
        registry, model = self.target.registry, self.spec.model
        loss = find_lost_champion(model, store=self.context.store, registry=registry)
        known = registry.with_digest(model, self._sha256)
        waiting = registry.alias(model, CHALLENGER)
        number = None if known is None else known.version
        tags = {} if known is None else known.tags
        is_champion = champion is not None and champion.version == number
        is_waiting = waiting is not None and waiting.version == number
        # A champion, or a version with a blocking outcome, does not wait for a rollout.
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
            lost=None if loss is None else loss.sentence,
            without_champion=without_champion,
        )

    def _champion(self) -> Champion | None:
        found = self.target.registry.alias(self.spec.model, CHAMPION)
        return None if found is None else Champion(found.version, found.tags.get(DIGEST))

    def _compared(self) -> str | None:
        """Digest of the champion that the source compared with; None: not known."""
        number = self.evidence.judgement.numbers.get("champion.version")
        if number is None:
            return None
        try:
            return self.source.registry.version(self.spec.model, int(number)).tags.get(DIGEST)
        except NotFound:
            return None

    def _record(self, basis: Mapping[str, Any], work: Callable[[Attempt], Verdict]) -> RunRecord:
        ref = RunRef(self.spec.model, f"{BRING}-{digest(encode(basis))[:12]}", BRING)
        return perform(self.context, ref, work, inputs=basis)

    @property
    def _sha256(self) -> str:
        return self.version.tags[DIGEST]

    @property
    def _run_id(self) -> str:
        """Training run at the source, or the run of the copy there."""
        born = self.evidence.verdicts["copy" if self.evidence.is_second_hand else "train"]
        return born.evidence["mlflow_run"]

    @property
    def _what(self) -> str:
        return f"Version {self.version.version} of {self.source.name}"
