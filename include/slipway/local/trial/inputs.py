"""Find a trial's deliveries: given files, what has landed, or the dataset's sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slipway.errors import BadParameter
from slipway.records.landing_area import Delivery
from slipway.records.scratch_folder import scratch_folder
from slipway.spec import DatasetSpec
from slipway.spec.dataset import StreamName
from slipway.wiring import Container
from slipway.wiring.deliver import deliver

SAMPLE = "sample"
STREAMS: tuple[StreamName, ...] = ("features", "labels")


def land_inputs(
    files: Sequence[Path], spec: DatasetSpec, *, scratch: Container, own: Container
) -> str:
    """Put a trial's deliveries into its landing area; return where they are from, in words.

    Args:
        files: Files to try; empty: what has landed in the project's store, else the files in
            `sample/` of the dataset's folder.
        spec: Dataset.
        scratch: Installation of the trial.
        own: Installation of the project.

    Raises:
        BadParameter: There is nothing to try, or a file cannot be a delivery.
    """
    if files:
        for file in files:
            deliver(file, dataset=spec.dataset, again=True, container=scratch)
        return ", ".join(file.name for file in files)
    source = own.source(spec.source)
    landed = source.deliveries(spec.dataset)
    if landed:
        for one in landed:
            stream = next(name for name in STREAMS if name == one.stream)
            _fetch(one, stream, own=own, scratch=scratch, spec=spec)
        return f"the landing area of {own.store.root}"
    folder = own.settings.datasets_folder / spec.dataset / SAMPLE
    if _land_sample(folder, spec, scratch):
        return str(folder)
    raise BadParameter(
        f"there are no rows of {spec.dataset} to try",
        expected="a file after the model's name, deliveries in the landing area, or files in "
        f"{SAMPLE}/ beside dataset.yaml",
        where=f"{own.store.root}/landing/{spec.dataset}",
        hint=f"slipway try MODEL FILE, or slipway deliver FILE --dataset {spec.dataset}",
    )


def _fetch(
    one: Delivery, stream: StreamName, *, own: Container, scratch: Container, spec: DatasetSpec
) -> None:
    with scratch_folder("slipway-try-", needs="a delivery") as folder:
        fetched = own.source(spec.source).fetch(one, folder)
        deliver(
            fetched,
            dataset=one.dataset,
            stream=stream,
            batch=one.batch,
            again=True,
            container=scratch,
        )


def _land_sample(folder: Path, spec: DatasetSpec, scratch: Container) -> bool:
    """Land the files of `sample/`, and of its folders `features/` and `labels/`."""
    found = False
    places: list[tuple[Path, StreamName | None]] = [(folder, None)]
    places += [(folder / stream, stream) for stream in STREAMS]
    for place, stream in places:
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.name not in STREAMS and file.name[0] not in "._":
                deliver(file, dataset=spec.dataset, stream=stream, again=True, container=scratch)
                found = True
    return found
