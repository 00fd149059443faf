"""Copy a version unchanged from another environment's MLflow to this one's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import RegistryUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Verdict
from slipway.stages.model.version_tags import ATTEMPT, RUN_KEY
from slipway.stages.ports.tracked_runs import TrackedRuns
from slipway.stages.ports.tracking import Tracking

SHORT = 12
OF_ONE_TRY = frozenset({RUN_KEY, ATTEMPT})


@dataclass(frozen=True)
class FetchedVersion:
    """A downloaded version, its digests checked.

    Attributes:
        folder: Its files.
        sha256: Digest of its manifest.
        run_id: Training run at the source.
        tags: Tags that name the source.
    """

    folder: Path
    sha256: str
    run_id: str
    tags: Mapping[str, str]


def copy_run(sha256: str) -> str:
    """Run id of a copy: one for each digest."""
    return f"copy-{sha256[:SHORT]}"


def copy_version(
    model: str,
    original: FetchedVersion,
    *,
    context: RunContext,
    source_runs: TrackedRuns,
    runs: TrackedRuns,
    tracking: Tracking,
) -> RunRecord:
    """Copy a version's files and its training run to this environment, and read the files back.

    Args:
        model: Name of the model.
        original: Version to copy.
        context: Store of this environment's records, and origin.
        source_runs: Training runs of the source.
        runs: Training runs of this environment.
        tracking: Tracking server of this environment.

    Raises:
        RegistryUnavailable: One of the two MLflow servers does not answer.
        Tampered: The copy differs from the original.
        Superseded: A newer attempt has begun.
    """
    ref = RunRef(model, copy_run(original.sha256), "copy")

    def work(attempt: Attempt) -> Verdict:
        tracked = source_runs.read(original.run_id)
        attempt.check()
        run_id = tracking.begin(
            model,
            run_key=f"{model}/{ref.run}",
            attempt=attempt.number,
            tags={**_own_tags(tracked.tags), **original.tags},
            params=tracked.params,
            tables=tracked.tables,
        )
        with (
            _closing(tracking, run_id),
            scratch_folder("slipway-copy-", needs="two copies of the version") as scratch,
        ):
            if tracked.metrics:
                tracking.log_metrics(run_id, tracked.metrics)
            files = source_runs.fetch(original.run_id, scratch / "files")
            if files:
                runs.attach(run_id, scratch / "files")
            attempt.check()
            model_uri = tracking.log_package(run_id, original.folder)
            tracking.download(model_uri, scratch / "back", sha256=original.sha256)
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
    return perform(context, ref, work, inputs=inputs)


@contextmanager
def _closing(tracking: Tracking, run_id: str) -> Iterator[None]:
    """Close the run as FINISHED, or as FAILED when the block raises."""
    try:
        yield
    except Exception:
        # The original error matters more than a failure to close the run.
        with suppress(RegistryUnavailable):
            tracking.end(run_id, status="FAILED")
        raise
    tracking.end(run_id, status="FINISHED")


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Slipway's tags of a run, without MLflow's own."""
    return {
        name: value
        for name, value in tags.items()
        if name.startswith("slipway.") and name not in OF_ONE_TRY
    }
