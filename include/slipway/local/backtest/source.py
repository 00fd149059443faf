"""Find the history of a backtest: given files, what has landed, or the dataset's sample."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.progress import Progress

from slipway.errors import BadParameter
from slipway.local.replay.raw_rows import FileArrival, history_files
from slipway.local.sample_deliveries import make_sample
from slipway.records.arrivals import find_registration, first_registration
from slipway.records.landing_area import Delivery
from slipway.spec import DatasetSpec
from slipway.wiring import Container

SAMPLE_PY = "sample.py"


@dataclass(frozen=True)
class Source:
    """Files of a history.

    Attributes:
        place: A file, or a folder of files.
        about: Where they are from, in words.
        arrived: When the project's installation handled them, by their paths.
    """

    place: Path
    about: str
    arrived: Mapping[Path, FileArrival] = field(default_factory=dict)

    def digest(self) -> str:
        """Return the digest of the files' names and bytes."""
        found = hashlib.sha256()
        for file in history_files(self.place):
            found.update(file.name.encode())
            if file.is_dir():
                parts = sorted(one for one in file.rglob("*") if one.is_file())
            else:
                parts = [file]
            for part in parts:
                with part.open("rb") as opened:
                    found.update(hashlib.file_digest(opened, "sha256").digest())
        return found.hexdigest()


def find_source(
    given: Path | None,
    spec: DatasetSpec,
    *,
    own: Container,
    folder: Path,
    tell: Callable[[str], None],
) -> Source:
    """Find the files of a history.

    Args:
        given: A file, or a folder of files; None: what has landed in the project's store, else
            what the dataset's `sample.py` makes.
        spec: Dataset.
        own: Installation of the project.
        folder: Folder into which they are copied or made.
        tell: Called with what is done.

    Raises:
        BadParameter: There is no history.
    """
    if given is not None and not given.exists():
        raise BadParameter(
            "there is no such file or folder",
            expected="--file FILE, or a FOLDER of files of features and labels",
            where=str(given),
        )
    if given is not None:
        return Source(given, str(given))
    landed = own.source(spec.source).deliveries(spec.dataset)
    if landed:
        tell(f"fetching {len(landed)} deliveries")
        place = folder / "landed"
        shutil.rmtree(place, ignore_errors=True)
        arrived: dict[Path, FileArrival] = {}
        for number, one in enumerate(landed):
            target = place / one.stream
            target.mkdir(parents=True, exist_ok=True)
            fetched = own.source(spec.source).fetch(one, target)
            kept = fetched.rename(target / f"{number:06d}-{fetched.name}")
            if (found := _arrival_of(own, one)) is not None:
                arrived[kept] = found
        return Source(place, f"the landing area of {own.store.root}", arrived)
    home = own.settings.datasets_folder / spec.dataset
    if (home / SAMPLE_PY).is_file():
        place = folder / "sample"
        if not place.is_dir():
            tell(f"making the sample of {spec.dataset}")
            draft = folder / "sample.part"
            shutil.rmtree(draft, ignore_errors=True)
            with Progress(disable=True) as progress:
                make_sample(home, draft, progress=progress)
            draft.rename(place)
        return Source(place, f"the sample of {spec.dataset}")
    raise BadParameter(
        f"there is no history of {spec.dataset}",
        expected="--file FILE or FOLDER, deliveries in the landing area, or a sample.py",
        where=f"{own.store.root}/landing/{spec.dataset}",
        hint="slipway backtest MODEL --file FOLDER",
    )


def _arrival_of(own: Container, delivery: Delivery) -> FileArrival | None:
    """When a delivery was handled; None where it was not, or not in its present state."""
    newest = find_registration(own.store, delivery)
    first = first_registration(own.store, delivery.dataset, delivery.stream, delivery.batch)
    if newest is None or first is None:
        return None
    return FileArrival(datetime.fromisoformat(first.at), datetime.fromisoformat(newest.at))
