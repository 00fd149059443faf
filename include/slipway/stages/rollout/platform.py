"""What serves models, as rollout and monitoring see it: small values and the port."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

Payload = Mapping[str, Any]
"""Body of a V2 inference request."""


@dataclass(frozen=True)
class VersionStats:
    """What one version did since the present shares came into force.

    Attributes:
        asked: Requests that fell to it by weight, whether or not its server could answer.
        failed: Those of them that it did not answer: no connection, a time-out or a 5xx.
        p99_ms: 99th percentile of its answers' latency, in milliseconds; None without an answer.
    """

    asked: int = 0
    failed: int = 0
    p99_ms: float | None = None


@dataclass(frozen=True)
class Served:
    """What a platform really serves of one model.

    Attributes:
        weights: Share of the requests by version, as it is in force.
        healthy: Whether its server can answer, by version that runs.
        keep: Versions that are warm without a share.
        token: Fencing token of the rollout that asked for this.
        tallies: What each weighted version did since these shares came into force. A platform
            that was started again begins anew.
        edited: What somebody else than a rollout changed of what serves, and who; None: nobody did.
        has_edited_traffic: Whether that is who is asked, so that a way back would overwrite it.
    """

    weights: Mapping[int, float]
    healthy: Mapping[int, bool]
    keep: tuple[int, ...]
    token: int
    tallies: Mapping[int, VersionStats] = field(default_factory=dict)
    edited: str | None = None
    has_edited_traffic: bool = False

    @property
    def version(self) -> int | None:
        """The one version that takes every request and can answer, or None."""
        [*versions] = self.weights
        if len(versions) == 1 and self.healthy.get(versions[0], False):
            return versions[0]
        return None


@dataclass(frozen=True)
class Prediction:
    """The answer to one request: who gave it, and one score per row."""

    version: int
    scores: tuple[float, ...]


class Candidate(Protocol):
    """A real server of one version that gets no traffic."""

    @property
    def cold_start_s(self) -> float:
        """Seconds from starting its process until it was ready."""

    @property
    def resident_mib(self) -> float:
        """Memory that its process holds, in MiB."""

    def infer(self, payload: Payload) -> Prediction:
        """Its answer.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """

    def refuses(self, body: bytes) -> bool:
        """Whether a body is refused as the client's mistake."""


def resident_mib(pid: int) -> float:
    """Memory that a process of this machine holds, in MiB; 0 if it has ended unwaited for."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Platform(Protocol):
    """Serves versions of models by weight."""

    def served(self, model: str) -> Served | None:
        """What is really served, or None when it was never asked to serve the model.

        Raises:
            PlatformUnavailable: It does not answer.
        """

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        is_urgent: bool = False,
    ) -> None:
        """Change the traffic, and wait until it serves so.

        Args:
            model: Its name.
            weights: Share of the requests by version.
            keep: Versions that stay warm without a share.
            token: Fencing token of the rollout that asks.
            is_urgent: Whether it is a way back: it goes round what somebody edited by hand,
                which else is a reason to stop. Their change stays either way.

        Raises:
            Superseded: A rollout with a newer token changed it meanwhile.
            EditedByHand: Somebody else changed what it controls; their change stays.
            PlatformUnavailable: It did not follow in time.
        """

    def claim(self, model: str, *, token: int) -> None:
        """Let no rollout with an older token change the traffic from now on; it stays as it is.

        Not even one that is at it, and waits for a server: it finds that it is too late. A model
        of which nothing was ever served has no traffic to claim.

        Raises:
            Superseded: A rollout with a newer token has claimed it.
            EditedByHand: Somebody changed it by hand; their change stays.
            PlatformUnavailable: It does not answer.
        """

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """The answer of whoever serves now, or of one version.

        Raises:
            BadRequest: The request was refused.
            NotFound: It does not serve the model.
            PlatformUnavailable: There was no answer.
        """

    def boot(self, model: str, *, version: int, folder: Path) -> AbstractContextManager[Candidate]:
        """A real server of a version's folder, whose answers stay out of the prediction log.

        Raises:
            RolloutRefused: It does not become ready.
        """


def encode_rows(
    rows: pd.DataFrame,
    columns: Sequence[tuple[str, str, bool]],
    *,
    key: str,
    event_time: str,
    probe: bool = False,
) -> dict[str, Any]:
    """Rows as a client would send them: a column each, null where a value is missing.

    Args:
        rows: Raw feature columns, key and event time, of shape (n_rows, n_columns).
        columns: Name, kind and requiredness of the model's inputs.
        key: Column that identifies a row.
        event_time: Column saying when a row happened.
        probe: Whether the answer is logged apart from what clients ask.
    """
    inputs = [_tensor(name, kind, rows) for name, kind, _ in columns]
    named = {name for name, _, _ in columns}
    if key not in named:
        inputs.append(_tensor(key, "string", rows))
    if event_time not in named:
        times = [time.isoformat() for time in rows[event_time]]
        inputs.append(
            {"name": event_time, "shape": [len(rows)], "datatype": "BYTES", "data": times}
        )
    return {"inputs": inputs} | ({"parameters": {"probe": True}} if probe else {})


def _tensor(name: str, kind: str, rows: pd.DataFrame) -> dict[str, Any]:
    values = rows[name].tolist() if name in rows else [None] * len(rows)
    sent = [_number(value) if kind == "number" else _text(value) for value in values]
    datatype = "FP64" if kind == "number" else "BYTES"
    return {"name": name, "shape": [len(rows)], "datatype": datatype, "data": sent}


def _number(value: Any) -> float | None:
    return None if _is_missing(value) else float(value)


def _text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    # A nullable integer column comes as float; a client sends "5", not "5.0".
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    # pandas has two more words for it, and both differ from themselves or cannot be compared.
    return value is None or type(value).__name__ in {"NAType", "NaTType"}
