"""Play the year of flights month by month through the stages, up to trained models."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.progress import Progress

from slipway.adapters.model_package import load_package
from slipway.local.sample_deliveries import make_sample
from slipway.records.outcomes import Outcome
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.stages.ports.package import Package
from slipway.wiring import run_stage
from slipway.wiring.scratch_container import ScratchContainer

ROOT = Path(__file__).resolve().parents[2]
DATASET, MODEL = "flights", "flight_delay"


class FlightsRing:
    """The stages of flights and their model in one folder, without Airflow and MLflow.

    Args:
        folder: Folder that holds everything.
        change: Changes the model's spec, as YAML has it, before anything runs.
    """

    def __init__(self, folder: Path, *, change: Callable[[dict[str, Any]], object]) -> None:
        project = folder / "project"
        for kind in ("datasets", "models"):
            shutil.copytree(ROOT / "include" / kind, project / "include" / kind)
        spec_file = project / "include" / "models" / MODEL / "model.yaml"
        spec = yaml.safe_load(spec_file.read_text())
        change(spec)
        spec_file.write_text(yaml.safe_dump(spec))
        self.container = ScratchContainer(project, folder / "scratch")
        self.spec = self.container.model(MODEL)
        self.dataset = self.container.dataset(DATASET)
        self._folder = folder
        with Progress(disable=True) as progress:
            self._files = make_sample(
                project / "include" / "datasets" / DATASET, folder / "sample", progress=progress
            )

    def ingest(self, month: int) -> None:
        """Ingest the features and labels of a month of 2013."""
        for file in sorted(self._files):
            if file.stem != f"2013-{month:02d}":
                continue
            stream = file.parent.name
            key = f"landing/{DATASET}/{stream}/{file.name}"
            target = self._folder / "scratch" / "store" / key
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            given = {"dataset": DATASET, "stream": stream, "batch": file.stem, "file": key}
            self.run("ingest", given, unique=file.stem)

    def request(self, month: int) -> dict[str, Any]:
        """Return the inputs of a training's stages, from a request that was accepted."""
        unique = f"month {month}"
        accepted = self.run("accept", {"model": MODEL, "reason": unique}, unique=unique)
        return {"model": MODEL, "request": accepted.numbers["request"]}

    def package(self, trained: Verdict, name: str) -> Package:
        """Return the model that a training has left, loaded from a folder of that name."""
        evidence = trained.evidence
        folder = self.container.tracking.download(
            evidence["model_uri"], self._folder / name, sha256=evidence["manifest_sha256"]
        )
        return load_package(folder)

    def run(self, stage: str, given: Mapping[str, Any], *, unique: str) -> Verdict:
        """Run a stage and return its verdict."""
        origin = {"by": "a benchmark", "run_id": unique}
        outcome: Outcome = run_stage(stage, given, origin=origin, container=self.container)
        if isinstance(outcome, RunRecord):
            return outcome.verdict
        if not isinstance(outcome, Verdict):
            raise SystemExit(f"{stage} gave no verdict")
        return outcome
