"""Find the history of a backtest: given files, what has landed, or the dataset's sample."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from slipway.errors import BadParameter
from slipway.local.replay.raw_rows import history_files
from slipway.local.sample_deliveries import make_sample
from slipway.spec import DatasetSpec
from slipway.wiring import Container

SAMPLE_PY = "sample.py"


@dataclass(frozen=True)
class Source:
    """Files of a history.

    Attributes:
        place: A file, or a folder of files.
        about: Where they are from, in words.
    """

    place: Path
    about: str

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
    if given is not None:
        return Source(given, str(given))
    landed = own.source(spec.source).deliveries(spec.dataset)
    if landed:
        tell(f"fetching {len(landed)} deliveries")
        place = folder / "landed"
        shutil.rmtree(place, ignore_errors=True)
        for number, one in enumerate(landed):
            target = place / one.stream
            target.mkdir(parents=True, exist_ok=True)
            fetched = own.source(spec.source).fetch(one, target)
            fetched.rename(target / f"{number:06d}-{fetched.name}")
        return Source(place, f"the landing area of {own.store.root}")
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
