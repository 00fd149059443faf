"""Judge a local file as the landing area would: is it a delivery, of which batch and content?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from slipway.errors import BadParameter, NotFound
from slipway.records.landed_names import is_ignored, split_name
from slipway.records.landing_area import Delivery, list_deliveries, list_undeliverable
from slipway.records.scratch_folder import scratch_folder
from slipway.spec.dataset import StreamName
from slipway.stages.ingest.fetched import Fetched

_PLACE = ("dataset", "features")
"""A dataset and a stream to be judged in; what is a delivery depends on neither."""


@dataclass(frozen=True)
class ProposedDelivery:
    """A local file, or a folder of parts, that may be delivered.

    Attributes:
        name: Name that it will have in the landing area.
        batch: Its name without the suffix.
        suffix: One of `landed_names.SUFFIXES`.
        path: The file, or a folder of links to its parts and to nothing else.
    """

    name: str
    batch: str
    suffix: str
    path: Path

    def key(self, dataset: str, stream: StreamName) -> str:
        """Return its key in the landing area."""
        return f"landing/{dataset}/{stream}/{self.name}"

    @cached_property
    def content(self) -> Fetched:
        """Size and digest of its bytes, as ingest measures them."""
        return Fetched.of(self.path)


@contextmanager
def proposed_delivery(file: Path, *, batch: str | None = None) -> Iterator[ProposedDelivery]:
    """Give a local file as a delivery, judged by the words that `slipway status` has.

    Args:
        file: A file, or a folder as Spark writes it.
        batch: Name of the batch; None: the file's name without its suffix.

    Raises:
        NotFound: There is no such file.
        BadParameter: It cannot be a delivery.
    """
    if not file.exists() and not file.is_symlink():
        raise NotFound("there is no such file", where=str(file))
    # `.` and `..` have no name of their own; a link to a file has that of the link.
    here = file.resolve() if file.name in {"", ".."} else file.absolute()
    name = _name(here, batch)
    with scratch_folder("slipway-deliver-", needs="links to a delivery") as scratch:
        link = scratch / "store" / "landing" / "/".join(_PLACE) / name
        link.parent.mkdir(parents=True)
        link.symlink_to(here)
        delivery = _judge(scratch / "store", file)
        path = scratch / f"delivery{delivery.suffix}"
        if delivery.parts:
            path.mkdir()
            for key in delivery.parts:
                part = PurePosixPath(key).name
                (path / part).symlink_to(here / part)
        else:
            path.symlink_to(here)
        yield ProposedDelivery(name, delivery.batch, delivery.suffix, path)


def _name(file: Path, batch: str | None) -> str:
    if batch is None:
        return file.name
    split = split_name(file.name)
    name = f"{batch}{split[1] if split else ''.join(file.suffixes)}"
    if "/" in batch or not batch or is_ignored(name):
        raise BadParameter(
            "this cannot be the name of a batch",
            expected="a name without `/` that does not begin with `_`, `.` or `~`",
            found=repr(batch),
        )
    return name


def _judge(root: Path, file: Path) -> Delivery:
    """The delivery that a staged link is.

    Raises:
        BadParameter: It is none.
    """
    from slipway.adapters.object_store import open_store

    # The link that was staged leads to a file that its user has named.
    store = open_store(str(root), links="/")
    found = list_deliveries(store, _PLACE[0])
    if found:
        return found[0]
    for one in list_undeliverable(store, _PLACE[0]):
        raise BadParameter(
            f"this cannot be a delivery: it {one.reason}", where=str(file), hint=one.hint
        )
    raise BadParameter(
        "this cannot be a delivery: it is a marker, hidden, half-written or empty",
        where=str(file),
        hint="such files are left alone in the landing area; `--batch` gives another name",
    )
