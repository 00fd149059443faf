"""Training runs and model versions in memory, their folders on disk."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from slipway.errors import NotFound, RegistryUnavailable
from slipway.records.ledger import Head
from slipway.stages.model import manifest
from slipway.stages.model.meant_version import meant_version, recorded_digest
from slipway.stages.model.signature import verify_folder
from slipway.stages.model.version_tags import DIGEST, RUN_KEY
from slipway.stages.ports.registry import Anchor, ModelVersion, absent_version
from slipway.stages.ports.signatures import Verifier
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracked_runs import TrackedRun
from slipway.stages.ports.tracking import LoggedTrial


@dataclass
class Run:
    """One training run.

    Attributes:
        model: Name of the model.
        attempt: Number of the attempt.
        tags: Tags.
        params: Parameters.
        tables: Pinned tables.
        metrics: Metrics.
        status: MLflow's run status.
        files: Further artifacts, by name.
        trials: Runs of trials below it.
    """

    model: str
    attempt: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    tables: Sequence[PinnedTable]
    metrics: dict[str, float] = field(default_factory=dict)
    status: str = "RUNNING"
    files: dict[str, bytes] = field(default_factory=dict)
    trials: list[LoggedTrial] = field(default_factory=list)


class MemoryTracking:
    """A fake of the `Tracking` port.

    Args:
        root: Folder for the models' files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: dict[str, Run] = {}
        self.answers = True

    def begin(
        self,
        model: str,
        *,
        run_key: str,
        attempt: int,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        tables: Sequence[PinnedTable],
    ) -> str:
        """Id of a new run; open runs of earlier attempts end as KILLED."""
        self.check()
        for run in self.runs.values():
            same = run.tags[RUN_KEY] == run_key and run.attempt < attempt
            if same and run.status == "RUNNING":
                run.status = "KILLED"
        run_id = uuid.uuid4().hex
        self.runs[run_id] = Run(
            model, attempt, {**tags, RUN_KEY: run_key}, dict(params), list(tables)
        )
        return run_id

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics of a run."""
        self.check()
        self.runs[run_id].metrics |= metrics

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log further parameters of a run."""
        self.check()
        run = self.runs[run_id]
        run.params = {**run.params, **params}

    def log_trial(self, run_id: str, trial: LoggedTrial) -> None:
        """Add a trial below a run."""
        self.check()
        self.runs[run_id].trials.append(trial)

    def log_file(self, run_id: str, name: str, data: bytes) -> None:
        """Keep a file with a run."""
        self.check()
        self.runs[run_id].files[name] = data

    def log_package(self, run_id: str, folder: Path) -> str:
        """Copy a folder of a known run; its URI."""
        self.check()
        assert run_id in self.runs
        model_id = f"m-{uuid.uuid4().hex}"
        shutil.copytree(folder, self.root / model_id)
        return f"models:/{model_id}"

    def end(self, run_id: str, *, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Close a run, unless it is closed."""
        self.check()
        if self.runs[run_id].status == "RUNNING":
            self.runs[run_id].status = status

    def address(self, run_id: str) -> str:
        """URL of a run's page."""
        return f"memory://runs/{run_id}"

    def download(self, model_uri: str, to: Path, *, sha256: str) -> Path:
        """A copied folder, checked against its manifest's digest."""
        self.check()
        source = self.root / model_uri.removeprefix("models:/")
        if not source.is_dir():
            raise NotFound(f"there is no {model_uri}")
        manifest.open_sealed(source, sha256=sha256)
        shutil.copytree(source, to, dirs_exist_ok=True)
        return to

    def check(self) -> None:
        """Raise `RegistryUnavailable` while `answers` is False."""
        if not self.answers:
            raise RegistryUnavailable("the fake does not answer")


class MemoryRuns:
    """A fake of the `TrackedRuns` port.

    Args:
        tracking: The runs.
    """

    def __init__(self, tracking: MemoryTracking) -> None:
        self.tracking = tracking

    def read(self, run_id: str) -> TrackedRun:
        """The logged parameters, metrics, tags and tables of a run."""
        self.tracking.check()
        run = self.tracking.runs[run_id]
        tables = tuple(run.tables)
        where = self.tracking.address(run_id)
        return TrackedRun(dict(run.params), dict(run.metrics), dict(run.tags), tables, where)

    def fetch(self, run_id: str, to: Path) -> list[str]:
        """Write a run's files into a folder; their names."""
        files = self.tracking.runs[run_id].files
        for name, data in files.items():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes(data)
        return sorted(files)

    def attach(self, run_id: str, folder: Path) -> None:
        """Add a folder's files to a run."""
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                self.tracking.runs[run_id].files[name] = path.read_bytes()


class MemoryRegistry:
    """A fake of the `Registry` port.

    Args:
        tracking: Holds the versions' files.
    """

    def __init__(self, tracking: MemoryTracking) -> None:
        self.tracking = tracking
        self.verifier: Verifier | None = None
        self.versions: dict[str, list[ModelVersion]] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.heads: dict[str, dict[str, Head]] = {}
        self.deleted: set[tuple[str, int]] = set()

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version of an alias, or None."""
        self.tracking.check()
        number = self.aliases.get((model, alias))
        return None if number is None else self.version(model, number)

    def version(self, model: str, version: int) -> ModelVersion:
        """One version."""
        known = self.versions.get(model, [])
        if not 1 <= version <= len(known) or (model, version) in self.deleted:
            here = range(1, len(known) + 1)
            raise absent_version(
                model, version, (one for one in here if (model, one) not in self.deleted)
            )
        return known[version - 1]

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """The oldest version with a digest, or None."""
        return next((one for one in self.copies(sha256) if one.model == model), None)

    def copies(self, sha256: str) -> list[ModelVersion]:
        """The versions of any model with a digest."""
        every = (one for known in self.versions.values() for one in known)
        there = (one for one in every if (one.model, one.version) not in self.deleted)
        return [one for one in there if one.tags.get(DIGEST) == sha256]

    def exists(self, model: str) -> bool:
        """Whether there is a model of that name."""
        return model in self.versions

    def register(
        self,
        model: str,
        *,
        model_uri: str,
        run_key: str,
        tags: Mapping[str, str],
        above: int = 0,
    ) -> ModelVersion:
        """Register a run's model once, under a number above; its version."""
        self.tracking.check()
        known = self.versions.setdefault(model, [])
        for version in known:
            is_mine = (version.run_key, version.source_uri) == (run_key, model_uri)
            if is_mine and (model, version.version) not in self.deleted:
                if version.version > above:
                    return version
                self.delete_version(model, version.version)
        for number in range(len(known) + 1, above + 1):
            known.append(ModelVersion(model, number, "", "", {}, datetime.now(UTC)))
            self.delete_version(model, number)
        known.append(
            ModelVersion(
                model,
                len(known) + 1,
                run_key,
                model_uri,
                {**tags, RUN_KEY: run_key},
                datetime.now(UTC),
            )
        )
        return known[-1]

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Move an alias to a version."""
        self.aliases[model, alias] = self.version(model, version).version

    def delete_alias(self, model: str, alias: str) -> None:
        """Delete an alias."""
        self.aliases.pop((model, alias), None)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set some tags of a version."""
        known = self.version(model, version)
        self.versions[model][version - 1] = ModelVersion(
            model,
            version,
            known.run_key,
            known.source_uri,
            {**known.tags, **tags},
            known.created_at,
        )

    def delete_version(self, model: str, version: int) -> None:
        """Delete a version and its aliases, as a person does."""
        self.deleted.add((model, version))
        kept = {key: n for key, n in self.aliases.items() if (key[0], n) != (model, version)}
        self.aliases = kept

    def delete_model(self, model: str) -> None:
        """Delete a registered model, as a person does."""
        for version in range(1, len(self.versions.pop(model, [])) + 1):
            self.delete_version(model, version)
        self.deleted = {one for one in self.deleted if one[0] != model}

    def rename_model(self, model: str, name: str) -> None:
        """Rename a registered model with its versions and aliases, as a person does."""
        known = self.versions.pop(model)
        self.versions[name] = [replace(one, model=name) for one in known]
        self.aliases = {(name if m == model else m, a): n for (m, a), n in self.aliases.items()}

    def anchor(self, model: str, head: Head, *, subject: str | None = None) -> None:
        """Anchor a head of a ledger, unless a newer one is anchored, or there is no model."""
        known = self.heads.get(model, {}).get(subject or model)
        if known is None or known.sequence < head.sequence:
            self.replace_anchor(Anchor(subject or model, model, head))

    def replace_anchor(self, anchor: Anchor) -> None:
        """Anchor a head in the place of any other, unless there is no model."""
        if self.exists(anchor.model):
            self.heads.setdefault(anchor.model, {})[anchor.subject] = anchor.head

    def anchored(self, model: str) -> Head | None:
        """The anchored head of a model's own ledger."""
        return self.heads.get(model, {}).get(model)

    def list_anchors(self) -> list[Anchor]:
        """Every anchored head."""
        self.tracking.check()
        return [
            Anchor(subject, model, head)
            for model, heads in self.heads.items()
            for subject, head in heads.items()
        ]

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """A file of a version's folder."""
        file = self._folder(model, version) / name
        if not file.is_file():
            raise NotFound(f"there is no {file}")
        return file.read_bytes()

    def add_file(self, model: str, version: int, name: str, data: bytes) -> None:
        """Put a file beside those of a version."""
        self.tracking.check()
        (self._folder(model, version) / name).write_bytes(data)

    def _folder(self, model: str, version: int) -> Path:
        return self.tracking.root / self.version(model, version).source_uri.removeprefix("models:/")

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A version's folder, checked against its digest."""
        found = meant_version(self, model, version, sha256=sha256)
        if self.verifier is not None:
            verify_folder(self._folder(found.model, found.version), self.verifier, model=model)
        return self.tracking.download(found.source_uri, to, sha256=recorded_digest(found))
