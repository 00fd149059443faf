"""Find the dataset and stream of a local file, by the names of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import BadBatch, BadParameter
from slipway.spec.dataset import StreamName
from slipway.spec.loading import load_all
from slipway.spec.problems import SpecErrors
from slipway.stages.ingest.absent_labels import with_absent_labels
from slipway.stages.ingest.header import header_problem, likeness
from slipway.wiring.container import Container
from slipway.wiring.proposed_delivery import ProposedDelivery, proposed_delivery

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec

_STREAMS: tuple[StreamName, ...] = ("features", "labels")
_ALL_THE_SAME = "--dataset and --stream deliver it all the same; ingest then blocks it so"


@dataclass(frozen=True)
class Place:
    """A dataset and one of its streams."""

    spec: DatasetSpec
    stream: StreamName

    def __str__(self) -> str:
        return f"{self.stream} of {self.spec.dataset}"

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns that a file of the stream has to have."""
        return list(self.spec.streams.file(self.stream).columns)


@dataclass(frozen=True)
class _Judged:
    """A file as one of a stream.

    Attributes:
        place: The stream.
        problem: Why it is none, in the words of ingest; None: it is one.
        likeness: Number of the stream's columns that it seems to have.
    """

    place: Place
    problem: BadBatch | None
    likeness: int = 0


def find_place(
    proposed: ProposedDelivery,
    container: Container,
    *,
    dataset: str | None,
    stream: StreamName | None,
    file: Path,
) -> Place:
    """Return where a file belongs: as it is given, or by its header.

    Of several streams whose columns it has, it is of the one with most.

    Args:
        proposed: The file as a delivery.
        container: Project.
        dataset: Name of the dataset; None: any.
        stream: Name of the stream; None: any.
        file: Its path, for messages.

    Raises:
        BadParameter: It fits no stream, or several equally.
        SpecError: The specs are invalid.
    """
    places = [
        place for place in _places(container, dataset) if stream is None or place.stream == stream
    ]
    is_named = dataset is not None or stream is not None
    if is_named and len(places) == 1:
        return places[0]
    if not places:
        raise BadParameter(
            f"no dataset has files of {stream} alone",
            where=str(file),
            hint="its labels stand in the features' files: deliver it with `--stream features`",
        )
    judged = [_judge(proposed, place) for place in places]
    fitting = [one.place for one in judged if one.problem is None]
    most = max((len(place.columns) for place in fitting), default=0)
    best = [place for place in fitting if len(place.columns) == most]
    if len(best) == 1:
        return best[0]
    if best:
        raise BadParameter(
            "the file fits several streams",
            expected="columns of one of them alone",
            found=", ".join(map(str, best)),
            where=str(file),
            hint="name them with --dataset and --stream",
        )
    raise _unfitting(judged, file)


def find_dataset(files: Sequence[Path], container: Container) -> str:
    """Return the only dataset of the project, or the one whose columns files have.

    Args:
        files: Files of one dataset; one whose columns several datasets have does not tell.
        container: Project.

    Raises:
        NotFound: There is no such file.
        BadParameter: No file tells of which dataset it is.
        SpecError: The specs are invalid.
    """
    names = [spec.dataset for spec in _specs(container, None)]
    if len(names) == 1:
        return names[0]
    refused: list[BadParameter] = []
    for file in files:
        stream = next((one for one in _STREAMS if one == file.parent.name), None)
        try:
            with proposed_delivery(file) as proposed:
                place = find_place(proposed, container, dataset=None, stream=stream, file=file)
        except BadParameter as error:
            refused.append(error)
        else:
            return place.spec.dataset
    if refused:
        raise refused[0]
    raise BadParameter(
        "there are no files that tell their dataset",
        expected=f"--dataset with one of {', '.join(sorted(names))}",
    )


def _unfitting(judged: Sequence[_Judged], file: Path) -> BadParameter:
    """Why a file fits no stream, with the hint for the stream that it is most like."""
    closest = max(judged, key=lambda one: one.likeness)
    problem = closest.problem
    hint = None if problem is None else problem.hint
    if len(judged) == 1 and problem is not None:
        return BadParameter(
            f"the file does not fit {closest.place}: {problem.message}",
            expected=problem.expected,
            found=problem.found,
            where=str(file),
            hint=hint,
        )
    return BadParameter(
        "the file fits no stream of a dataset",
        expected="all columns of one of them",
        found="; ".join(
            f"not {one.place}, since {one.problem.message}" for one in judged if one.problem
        ),
        where=str(file),
        hint=_ALL_THE_SAME if hint is None else f"if it is {closest.place}: {hint}",
    )


def _places(container: Container, dataset: str | None) -> list[Place]:
    return [place for spec in _specs(container, dataset) for place in _streams(spec)]


def _specs(container: Container, dataset: str | None) -> list[DatasetSpec]:
    if dataset is not None:
        return [container.dataset(dataset)]
    loaded = load_all(container.settings.project)
    if not loaded.datasets:
        if loaded.problems:
            raise SpecErrors(loaded.problems)
        raise BadParameter(
            "there is no dataset",
            expected="a folder with a dataset.yaml",
            where=str(container.settings.datasets_folder),
        )
    return list(loaded.datasets.values())


def _streams(spec: DatasetSpec) -> Iterator[Place]:
    for stream in spec.streams.delivered:
        yield Place(spec, stream)


def _judge(proposed: ProposedDelivery, place: Place) -> _Judged:
    """Compare a file's header with the columns of a stream."""
    from slipway.adapters.sources.open_delivery import open_delivery

    try:
        opened = open_delivery(proposed.path, proposed.suffix, csv=place.spec.csv)
    except BadBatch as error:
        return _Judged(place, error)
    alike = likeness(opened.names, place.columns)
    if place.stream == "features":
        opened = with_absent_labels(opened, place.spec)
    problem = header_problem(
        opened.names,
        place.columns,
        place.spec.csv,
        has_line=opened.has_header_line,
        indexes=opened.indexes,
    )
    return _Judged(place, problem, alike)
