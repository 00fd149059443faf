"""Deliver files, send requests and count the responses, as clients do."""

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
class ClientResult:
    """Counts of a client's requests and responses.

    Attributes:
        acknowledged: Ids of requests with status 200.
        errors: Other responses and broken connections, by kind.
        versions: Predicted rows, by model version.
        rows: Predicted rows.
    """

    acknowledged: list[str] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    @property
    def failed(self) -> int:
        """Number of requests without status 200."""
        return sum(self.errors.values())

    def fail(self, kind: str) -> None:
        """Count a request without status 200."""
        self.errors[kind] = self.errors.get(kind, 0) + 1


def land(file: Path, landing: Path, stream: str) -> None:
    """Deliver one file atomically: write it under another name, then rename it."""
    target = landing / stream / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{file.name}.part")
    shutil.copyfile(file, draft)
    os.utime(draft)
    draft.replace(target)


def send_requests(
    client: httpx.Client,
    model: str,
    frames: Iterator[pd.DataFrame],
    *,
    encode: Callable[[pd.DataFrame], dict[str, Any]],
    answered: Callable[[int], None] | None = None,
) -> ClientResult:
    """Request predictions over HTTP, one request after the other.

    Args:
        client: HTTP client of the serving platform.
        model: Name of the model.
        frames: Rows of one request each: key, event time and raw feature columns.
        encode: Encodes a frame as the body of a V2 request.
        answered: Called with the number of rows of each response.
    """
    result = ClientResult()
    for frame in frames:
        body = {**encode(frame), "id": uuid.uuid4().hex}
        try:
            response = client.post(f"/v2/models/{model}/infer", json=body)
        except httpx.TransportError as error:
            result.fail(type(error).__name__)
            continue
        if response.status_code != httpx.codes.OK:
            result.fail(str(response.status_code))
            continue
        answer = response.json()
        result.acknowledged.append(answer["id"])
        version = str(answer["model_version"])
        result.versions[version] = result.versions.get(version, 0) + len(frame)
        result.rows += len(frame)
        if answered is not None:
            answered(len(frame))
    return result


def in_requests(frame: pd.DataFrame, *, rows: int = BATCH_ROWS) -> Iterator[pd.DataFrame]:
    """Yield a frame in parts, one per request."""
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def wait_for(condition: Callable[[], bool], *, seconds: float, check: Callable[[], None]) -> bool:
    """Poll a condition twice a second; return whether it came true in time.

    Args:
        condition: Condition to poll.
        seconds: Longest wait.
        check: Raises when waiting has become pointless.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check()
        if condition():
            return True
        time.sleep(0.5)
    return False
