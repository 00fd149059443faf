"""Build a registered version again in a scratch folder, and compare it with the registered one.

The registry and the records are only read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest, NotComputable, NotFound, SpecError, StoreUnavailable
from slipway.records import requests
from slipway.records.run_records import RunRef, find_record, need_record
from slipway.records.run_specs import read_run_specs
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Verdict
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.manifest import PIPELINE_PY, require_digest
from slipway.stages.model.meant_version import recorded_digest
from slipway.stages.model.personal_keys import KEY_ID
from slipway.stages.model.provenance import CodeState, format_source
from slipway.stages.model.shipped import JUDGED, REFIT, TRAIN, as_judged, shipping_stage
from slipway.stages.ports.package import LoadPackage, MakeLearner, Package
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.ports.tables import Tables
from slipway.stages.reproduce.differences import ManifestDifference, compare_manifests
from slipway.stages.reproduce.same_predictions import PredictionDifference, compare_predictions
from slipway.stages.search.found import Found
from slipway.stages.train.common_holdout import common_rows
from slipway.stages.train.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.records.store import Store

REPRODUCED, DIFFERS = "reproduced", "differs"


@dataclass(frozen=True)
class RebuildTools:
    """What a rebuild needs.

    Attributes:
        store: Store of the records.
        registry: Registry of the version.
        tables: Tables of the dataset.
        make_learner: Makes the learner.
        load: Loads a version's folder.
        code: State of the code that runs.
        tell: Called with each step as it begins.
    """

    store: Store
    registry: Registry
    tables: Tables
    make_learner: MakeLearner
    load: LoadPackage
    code: CodeState
    tell: Callable[[str], None]


@dataclass(frozen=True)
class Reproduction:
    """Comparison of a version with its rebuild.

    Attributes:
        model: Model.
        version: Version.
        verdict: `reproduced` or `differs`, with the numbers compared.
        difference: How the manifests differ.
    """

    model: str
    version: int
    verdict: Verdict
    difference: ManifestDifference

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON."""
        found = self.difference
        return {
            "model": self.model,
            "version": self.version,
            **self.verdict.to_json(),
            "files": {"identical": list(found.identical), "differing": list(found.differing)},
            "facts_that_differ": list(found.facts),
            "environment": {
                name: {"training": then, "here": now}
                for name, (then, now) in found.environment.items()
            },
        }


def reproduce(version: ModelVersion, tools: RebuildTools) -> Reproduction:
    """Build a version again and compare its predictions on its own holdout.

    A refit, which has none, is compared on that of the judged model.

    Args:
        version: Registered version, trained here.
        tools: What the rebuild needs.

    Raises:
        NotComputable: Its specs, a version of a table or a record is missing.
        IncompatibleRuntime: The registered version cannot be loaded by the libraries found here.
        Tampered: A file or a record differs from its digest.
        RegistryUnavailable: The registry does not answer.
    """
    what = f"version {version.version} of {version.model}"
    trained, pinned, number = _records(version, tools.store, what=what)
    sha256 = recorded_digest(version)
    wanted = trained.evidence.get("manifest_sha256")
    require_digest(version.model, version.version, wanted=wanted, found=sha256)
    specs = read_run_specs(tools.store, trained.evidence, what=what)
    request = requests.read_request(tools.store, specs.model.model, number)
    pins = Snapshot.from_numbers(pinned.numbers)
    with scratch_folder("slipway-reproduce-", needs=f"two copies of {what}") as scratch:
        tools.tell(f"downloading {what}")
        folder = tools.registry.download(
            version.model, version.version, scratch / "registered", sha256=sha256
        )
        registered = tools.load(folder)
        learner = tools.make_learner(specs.model, specs.dataset, _pipeline_py(folder))
        if KEY_ID in registered.manifest:
            learner = learner.with_key(registered.manifest[KEY_ID])
        recipe = Recipe(
            *(specs.model, specs.dataset, request, tools.tables, learner, tools.code, tools.tell),
            judged=registered.manifest.get(JUDGED),
        )
        rebuilt_folder = scratch / specs.model.model
        with _explained(what, registered):
            built = recipe.build(
                pins, rebuilt_folder, find=lambda _: Found.of_version(registered.manifest)
            )
            rows = common_rows(
                *(specs.model, specs.dataset, tools.tables, pins),
                [as_judged(registered.manifest)],
            ).holdout
        tools.tell(f"comparing predictions on {len(rows):,} holdout rows")
        found = compare_predictions(
            registered.predict(rows), tools.load(rebuilt_folder).predict(rows)
        )
        difference = compare_manifests(registered.manifest, built.manifest)
        is_same = built.manifest_sha256 == sha256
    verdict = judge(what, found, difference, is_same=is_same)
    return Reproduction(version.model, version.version, verdict, difference)


def judge(
    what: str, found: PredictionDifference, difference: ManifestDifference, *, is_same: bool
) -> Verdict:
    """Return `reproduced` when the predictions agree within the tolerance, else `differs`; pure.

    Args:
        what: Version in words.
        found: Difference of the predictions.
        difference: Difference of the manifests.
        is_same: Whether the manifests are identical byte by byte.
    """
    holds = found.is_within_tolerance
    tolerance = found.numbers()["tolerance"]
    bar = (
        f"{'within' if holds else 'beyond'} the tolerance {tolerance:g} of the engines' parity"
        if found.largest is not None
        else f"the tolerance of the engines' parity is {tolerance:g}"
    )
    parts = [f"{what.capitalize()} was built again: {found}, {bar}", difference.files_in_words()]
    if difference.facts:
        parts.append(f"entries of the manifest that differ: {', '.join(difference.facts)}")
    environment = ", ".join(difference.environment) or "nothing"
    parts.append(f"in the environment {environment} differs from the training")
    numbers = {**found.numbers(), "manifest_identical": is_same}
    return Verdict(REPRODUCED if holds else DIFFERS, f"{'; '.join(parts)}.", numbers)


def _records(version: ModelVersion, store: Store, *, what: str) -> tuple[Verdict, Verdict, int]:
    """Verdicts of the stages that built and that pinned, and the number of the request."""
    subject, _, run = version.run_key.partition("/")
    number = requests.number_of(run)
    if number is None:
        source = format_source(version.tags)
        raise NotComputable(
            f"{what} was not trained here",
            expected="a version that a request of this environment trained",
            found=f"one that came as {source}" if source else "one without a training run",
            hint="reproduce it where it was trained, whose tables its records name",
        )
    try:
        trained = need_record(store, RunRef(subject, run, TRAIN)).verdict
        refit = find_record(store, RunRef(subject, run, REFIT))
        if refit is not None and shipping_stage({REFIT: refit.verdict}) == REFIT:
            trained = refit.verdict
        pinned = need_record(store, RunRef(subject, run, "snapshot")).verdict
    except NotFound as error:
        raise NotComputable(
            f"a record of {what} is missing",
            found=error.message,
            where=error.where,
            hint="restore the store, or ask the environment that trained it",
        ) from error
    return trained, pinned, number


def _pipeline_py(folder: Path) -> str | None:
    file = folder / PIPELINE_PY
    return file.read_text() if file.is_file() else None


@contextmanager
def _explained(what: str, registered: Package) -> Iterator[None]:
    """Raise what is missing for a rebuild, with the commit that trained the version."""
    try:
        yield
    except (NotFound, NotComputable, SpecError, BadRequest, StoreUnavailable) as error:
        if isinstance(error, StoreUnavailable) and not _is_file_gone(error):
            raise
        commit = registered.manifest.get("git_commit", "unknown")
        raise NotComputable(
            f"{what} cannot be built again: {error.message}",
            expected=f"the table versions, spec and code of its training (commit {commit})",
            found=error.found,
            where=error.where,
            hint=error.hint,
        ) from error


def _is_file_gone(error: StoreUnavailable) -> bool:
    """Whether a file is missing in a store that answers, as after a vacuum."""
    return isinstance(error.__cause__, FileNotFoundError)
