"""A version's bytes, copied from another environment's MLflow to this one's, as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from slipway.errors import RegistryUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.stages.model.version_tags import ATTEMPT, RUN_KEY
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracking import Tracking

SHORT = 12
OF_ONE_TRY = frozenset({RUN_KEY, ATTEMPT})


@dataclass(frozen=True)
class TrackedRun:
    """What a training run has logged.

    Attributes:
        params: What it was asked to do.
        metrics: What it measured.
        tags: What is known of it.
        tables: What it learnt from.
        address: Where a person looks at it.
    """

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    tables: tuple[PinnedTable, ...]
    address: str


class SourceRuns(Protocol):
    """The source's training runs."""

    def read(self, run_id: str) -> TrackedRun:
        """What a run has logged.

        Raises:
            NotFound: There is no such run.
        """

    def fetch(self, run_id: str, to: Path) -> list[str]:
        """The names of a run's files, which lie in a folder now."""


class Artifacts(Protocol):
    """The files beside this environment's runs."""

    def attach(self, run_id: str, folder: Path) -> None:
        """Add a folder's files to a run."""


@dataclass(frozen=True)
class FetchedVersion:
    """A version as it was fetched, its digests checked.

    Attributes:
        folder: Its files.
        sha256: Digest of its manifest.
        run_id: The source's run that it belongs to.
        tags: Where it comes from, as tags.
    """

    folder: Path
    sha256: str
    run_id: str
    tags: Mapping[str, str]


def copy_run(sha256: str) -> str:
    """Run id of the copy of a version's bytes; there is one for the same bytes."""
    return f"copy-{sha256[:SHORT]}"


def copy_version(
    model: str,
    original: FetchedVersion,
    *,
    runs: SourceRuns,
    store: Store,
    tracking: Tracking,
    artifacts: Artifacts,
    origin: Mapping[str, Any],
) -> RunRecord:
    """Record of a version's bytes in this environment's MLflow, read back as they were.

    Params, metrics, tags, inputs and files of the source's run are copied with them.

    Args:
        model: Its name.
        original: What is copied.
        runs: The source's runs.
        store: This environment's.
        tracking: Likewise.
        artifacts: Likewise.
        origin: Who runs it.

    Raises:
        RegistryUnavailable: One of the two MLflow servers does not answer.
        Tampered: What arrived differs from what was sent.
        Superseded: A newer attempt has begun.
    """
    ref = RunRef(model, copy_run(original.sha256), "copy")

    def work(attempt: Attempt) -> Verdict:
        tracked = runs.read(original.run_id)
        attempt.check()
        run_id = tracking.begin(
            model,
            run_key=f"{model}/{ref.run}",
            attempt=attempt.number,
            tags={**_own_tags(tracked.tags), **original.tags},
            params=tracked.params,
            tables=tracked.tables,
        )
        with _ended(tracking, run_id), TemporaryDirectory(prefix="slipway-copy-") as scratch:
            if tracked.metrics:
                tracking.log_metrics(run_id, tracked.metrics)
            files = runs.fetch(original.run_id, Path(scratch) / "files")
            if files:
                artifacts.attach(run_id, Path(scratch) / "files")
            attempt.check()
            model_uri = tracking.log_package(run_id, original.folder)
            tracking.download(model_uri, Path(scratch) / "back", sha256=original.sha256)
        reason = f"The bytes of {original.tags['slipway.source.version']} are here, unchanged."
        evidence = {
            "model_uri": model_uri,
            "manifest_sha256": original.sha256,
            "mlflow_run": run_id,
            "mlflow": tracking.address(run_id),
            "source.mlflow": tracked.address,
        }
        return Verdict("copied", reason, {"files": len(files)}, evidence)

    inputs = {"manifest_sha256": original.sha256, "source": dict(original.tags)}
    return perform(store, ref, work, inputs=inputs, origin=origin)


@contextmanager
def _ended(tracking: Tracking, run_id: str) -> Iterator[None]:
    """Close the run as what is done inside ends."""
    try:
        yield
    except Exception:
        # What went wrong matters more than that MLflow could not be told.
        with suppress(RegistryUnavailable):
            tracking.end(run_id, status="FAILED")
        raise
    tracking.end(run_id, status="FINISHED")


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Slipway's tags of a run; MLflow's own are this server's to set."""
    return {
        name: value
        for name, value in tags.items()
        if name.startswith("slipway.") and name not in OF_ONE_TRY
    }
