"""Whether a version from elsewhere holds this environment's gates against its champion.

No verdict comes from a default: the comparison that the source made is taken over only where it
was made with the very bytes that are champion here, or where nobody is champion here yet.
Otherwise both are scored on this environment's own labelled rows, which neither saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from slipway.errors import NotComputable
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.ports.metrics import Measure
from slipway.stages.ports.package import Package
from slipway.stages.ports.tables import Tables
from slipway.stages.train.evaluate import Comparison
from slipway.stages.train.gates import gate

NO_CHAMPION = "nobody"
"""With whom a first version was compared; never the name of a champion."""


class Downloads(Protocol):
    """The part of a registry that holds versions' folders."""

    def download(self, model: str, version: int, to: Path) -> Path:
        """A version's folder, its files checked against the digest in its tags."""


@dataclass(frozen=True)
class Champion:
    """Who is champion here: version, and digest of its manifest."""

    version: int
    sha256: str | None


@dataclass(frozen=True)
class RegateResult:
    """What the gates here said to a version.

    Attributes:
        verdict: The gate's, with the numbers that it compared.
        compared_with: The champion here that its evidence is about, as a tag says it.
        how: Where the numbers come from, in words.
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
    """What a comparison on this environment's rows needs.

    Attributes:
        registry: Where the champion's folder is.
        tables: Labelled rows.
        load: Loads a version's folder.
        measure: Computes metrics.
    """

    registry: Downloads
    tables: Tables
    load: Callable[[Path], Package]
    measure: Measure


def needs_local_rows(champion: Champion | None, compared: str | None) -> bool:
    """Whether the two have to be compared here.

    Args:
        champion: Who is champion here.
        compared: Digest of the champion that the source compared with; None: there was none.
    """
    return champion is not None and (compared is None or champion.sha256 != compared)


def champion_label(champion: Champion | None) -> str:
    """How a tag names the champion that a version was compared with."""
    return NO_CHAMPION if champion is None else f"version {champion.version}"


def pin_newest_rows(tables: Tables, dataset: DatasetSpec) -> Snapshot:
    """The newest labelled rows here.

    Raises:
        NotComputable: A table is missing or empty.
    """
    features, labels = f"{dataset.dataset}/features", f"{dataset.dataset}/labels"
    features_version, labels_version = tables.version(features), tables.version(labels)
    clock = None if features_version is None else tables.newest(features, dataset.event_time)
    if features_version is None or labels_version is None or clock is None:
        raise NotComputable(
            "there are no labelled rows here to compare with the champion on",
            expected=f"tables {features} and {labels}",
            hint="let batches of both land first",
        )
    return Snapshot(features_version, labels_version, clock)


def regate_on_source_numbers(
    spec: ModelSpec, judged: Verdict, champion: Champion | None
) -> RegateResult:
    """The gates here, on the numbers that the source compared; pure."""
    verdict = gate(spec.gates, judged.numbers)
    if champion is None:
        numbers = _without_champion(verdict.numbers)
        how = "as at the source; nobody is champion here"
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
    scales: RegateTools,
) -> RegateResult:
    """The gates here, on labelled rows of this environment that neither of the two saw.

    Args:
        spec: The model here.
        dataset: Its dataset here.
        folder: The version's.
        champion: Who is champion here.
        at: The rows.
        scales: What it takes.

    Raises:
        Tampered: A file of the champion differs from its digest.
    """
    contest = Comparison(spec, dataset, scales.tables, scales.measure)
    with TemporaryDirectory(prefix="slipway-bring-") as scratch:
        ours = scales.registry.download(spec.model, champion.version, Path(scratch) / "champion")
        numbers = contest.numbers(
            at, scales.load(folder), scales.load(ours), version=champion.version
        )
    verdict = gate(spec.gates, numbers)
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
