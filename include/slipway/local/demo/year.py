"""The year as the outside world plays it: files land month by month, clients ask."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 50


@dataclass
class Asked:
    """What a client asked and what came back.

    Attributes:
        acknowledged: Request ids that were answered with 200.
        errors: Other answers and broken connections, by kind.
        versions: Rows answered, by model version.
        rows: Rows answered.
    """

    acknowledged: list[str] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    @property
    def failed(self) -> int:
        """Requests that were not answered with 200."""
        return sum(self.errors.values())

    def fail(self, kind: str) -> None:
        """Count one request that was not answered with 200."""
        self.errors[kind] = self.errors.get(kind, 0) + 1


def land(file: Path, landing: Path, stream: str) -> None:
    """Deliver one file as a careful sender does: under another name first, then renamed."""
    target = landing / stream / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{file.name}.part")
    shutil.copyfile(file, draft)
    os.utime(draft)
    draft.replace(target)


def ask(
    client: httpx.Client,
    model: str,
    frames: Iterator[pd.DataFrame],
    *,
    encode: Callable[[pd.DataFrame], dict[str, Any]],
    answered: Callable[[int], None] | None = None,
) -> Asked:
    """Ask a model about rows over HTTP, one request after the other.

    Args:
        client: Of the serving platform.
        model: Which model.
        frames: Rows of one request each: key, event time and raw feature columns.
        encode: Turns such a frame into the body of a V2 request.
        answered: Is told how many rows each answer held.
    """
    asked = Asked()
    for frame in frames:
        body = {**encode(frame), "id": uuid.uuid4().hex}
        try:
            response = client.post(f"/v2/models/{model}/infer", json=body)
        except httpx.TransportError as error:
            asked.fail(type(error).__name__)
            continue
        if response.status_code != httpx.codes.OK:
            asked.fail(str(response.status_code))
            continue
        answer = response.json()
        asked.acknowledged.append(answer["id"])
        version = str(answer["model_version"])
        asked.versions[version] = asked.versions.get(version, 0) + len(frame)
        asked.rows += len(frame)
        if answered is not None:
            answered(len(frame))
    return asked


def in_requests(frame: pd.DataFrame, *, rows: int = BATCH_ROWS) -> Iterator[pd.DataFrame]:
    """A frame cut into requests of so many rows."""
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def wait_for(condition: Callable[[], bool], *, seconds: float, check: Callable[[], None]) -> bool:
    """Whether a condition came true in time; looks twice a second.

    Args:
        condition: What is waited for.
        seconds: How long.
        check: Raises when waiting has become pointless.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check()
        if condition():
            return True
        time.sleep(0.5)
    return False
