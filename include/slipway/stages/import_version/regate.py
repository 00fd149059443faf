"""Regate an imported version: gate it against this environment's champion.

The source's comparison is taken over only where it was made with the same digest that is champion
here, or where there is no champion here yet. Otherwise both versions are scored on this
environment's own labelled rows, which neither has seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import NotComputable
from slipway.records.scratch_folder import scratch_folder
from slipway.records.store import Store
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.aliases import ANCHOR
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.ports.gate_tools import GateTools
from slipway.stages.ports.package import LoadPackage
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tables import Tables
from slipway.stages.train.anchor import load_anchor
from slipway.stages.train.comparison import Comparison
from slipway.stages.train.gates import gate

NO_CHAMPION = "nobody"
"""Label of the comparison of a first version, which had no champion."""


@dataclass(frozen=True)
class Champion:
    """Champion here: version, and digest of its manifest."""

    version: int
    sha256: str | None


@dataclass(frozen=True)
class RegateResult:
    """Result of the gates here.

    Attributes:
        verdict: Verdict of the gates, with the numbers compared.
        compared_with: Champion here that the evidence is about, as in the tag.
        how: Origin of the numbers, in words.
    """

    verdict: Verdict
    compared_with: str
    how: str

    @property
    def holds(self) -> bool:
        """Whether every gate holds."""
        return self.verdict.action == "promote"


@dataclass(frozen=True)
class RegateTools:
    """Adapters for a comparison on this environment's rows.

    Attributes:
        registry: Folder of the champion.
        tables: Labelled rows.
        load: Loads a version's folder.
        gates: Measure what the gates judge.
    """

    registry: Registry
    tables: Tables
    load: LoadPackage
    gates: GateTools


def needs_local_rows(champion: Champion | None, compared: str | None) -> bool:
    """Whether the version and the champion have to be compared here.

    Args:
        champion: Champion here.
        compared: Digest of the champion that the source compared with; None: there was none.
    """
    return champion is not None and (compared is None or champion.sha256 != compared)


def champion_label(champion: Champion | None) -> str:
    """Label of a champion in the tag of a comparison."""
    return NO_CHAMPION if champion is None else f"version {champion.version}"


def pin_newest_rows(tables: Tables, dataset: DatasetSpec) -> Snapshot:
    """Pin the newest labelled rows here.

    Raises:
        NotComputable: A table is missing or empty.
    """
    features, labels = f"{dataset.dataset}/features", labels_table(dataset)
    features_version, labels_version = tables.version(features), tables.version(labels)
    clock = (
        None if features_version is None else tables.newest(features, dataset.identity.time.column)
    )
    if features_version is None or labels_version is None or clock is None:
        raise NotComputable(
            "there are no labelled rows here to compare with the champion on",
            expected=f"tables {' and '.join(dict.fromkeys([features, labels]))}",
            hint="let batches of features and labels land first",
        )
    return Snapshot(features_version, labels_version, clock)


def regate_on_source_numbers(
    spec: ModelSpec, judged: Verdict, champion: Champion | None
) -> RegateResult:
    """Apply the gates here to the numbers of the source; pure."""
    verdict = gate(spec.gates, judged.numbers)
    if champion is None:
        numbers = _without_champion(verdict.numbers)
        how = "as at the source; there is no champion here"
        return RegateResult(_with(verdict, numbers), champion_label(None), how)
    numbers = {**verdict.numbers, "champion.version": champion.version}
    how = f"as at the source, whose champion was version {champion.version} here, byte for byte"
    return RegateResult(_with(verdict, numbers), champion_label(champion), how)


def regate_on_local_rows(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    folder: Path,
    champion: Champion,
    at: Snapshot,
    tools: RegateTools,
    store: Store,
) -> RegateResult:
    """Apply the gates here to labelled rows of this environment that neither version has seen.

    Args:
        spec: The model here.
        dataset: Its dataset here.
        folder: Folder of the version.
        champion: Champion here.
        at: Pinned rows.
        tools: Adapters.
        store: Store of the ledger here.

    Raises:
        Tampered: A file of the champion differs from its digest.
    """
    contest = Comparison(spec, dataset, tools.tables, tools.gates)
    with scratch_folder("slipway-bring-", needs="the champion's folder") as scratch:
        local = tools.registry.download(spec.model, champion.version, scratch / "champion")
        anchor = load_anchor(
            spec, store=store, registry=tools.registry, load=tools.load, folder=scratch / ANCHOR
        )
        compared = contest.compare(
            at,
            tools.load(folder),
            tools.load(local),
            version=champion.version,
            is_trained_here=False,
            anchor=anchor,
        )
    verdict = gate(spec.gates, compared.numbers)
    how = f"on rows of this environment, beside version {champion.version}"
    return RegateResult(verdict, champion_label(champion), how)


def _without_champion(numbers: Mapping[str, Number]) -> dict[str, Number]:
    kept = {
        name: value
        for name, value in numbers.items()
        if name not in EVIDENCE and not name.startswith("champion.")
    }
    return {**kept, "champion.version": None}


def _with(verdict: Verdict, numbers: Mapping[str, Number]) -> Verdict:
    return Verdict(verdict.action, verdict.reason, numbers, verdict.evidence)
