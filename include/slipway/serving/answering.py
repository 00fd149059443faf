"""One loaded model version: from the bytes of a request to the bytes of its answer.

Runs in model servers, off their event loop: everything here may block.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pandas as pd

from slipway.errors import SlipwayError, Transient
from slipway.serving import protocol
from slipway.serving.log import Header, Record, WriteAheadLog
from slipway.serving.options import Options
from slipway.serving.protocol import Column, Inputs, Signature


class Package(Protocol):
    """A model version's folder, checked against its digests and loaded."""

    @property
    def signature_columns(self) -> Any:
        """Inputs as (name, kind, required)."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Where the version comes from; names the dataset's key and event time."""

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Scores of shape (n_rows,)."""


class NotLogged(Transient):
    """An answer could not be written to the prediction log; a retry can help."""


class ModelFailed(SlipwayError):
    """The model has no answer to inputs that fit its signature."""


@dataclass(frozen=True)
class Limits:
    """How much is answered at once.

    Attributes:
        rows: A request with more rows is refused.
        waiting: Requests that may wait for the model; more are turned away.
    """

    rows: int = 20_000
    waiting: int = 512


class LoadedModel:
    """A model version that can answer.

    Args:
        model: Its name.
        version: Its version.
        package: What was loaded from its folder.
        log_folder: Where its prediction log's segments lie.
        roll_seconds: A segment is handed to the shipper after so long.
    """

    def __init__(
        self, model: str, version: int, package: Package, *, log_folder: Path, roll_seconds: float
    ) -> None:
        self.model = model
        self.version = version
        self.signature = signature_of(package)
        self._package = package
        columns = [(column.name, column.kind) for column in self.signature.columns]
        header = Header(model, version, columns)
        options = Options(roll_seconds=roll_seconds)
        self.log = WriteAheadLog(log_folder / model, header=header, options=options)

    def answer(self, body: bytes, *, fallback_id: str | None, limits: Limits) -> bytes:
        """The answer to one request, which is in the prediction log by then.

        Args:
            body: The request as it arrived.
            fallback_id: Names the request if its body does not.
            limits: How large it may be.

        Raises:
            BadRequest: The request does not fit.
            NotLogged: The answer could not be logged, so it may not be given.
            ModelFailed: The model raised, or gave something other than a number per row.
        """
        received_us = time.time_ns() // 1000
        inputs = protocol.decode(body, self.signature, max_rows=limits.rows)
        request_id = inputs.request_id or fallback_id or uuid4().hex
        scores = self._predict(inputs)
        record = Record(
            request_id=request_id,
            received_us=received_us,
            keys=inputs.keys,
            event_times_us=inputs.event_times_us,
            columns=list(inputs.columns.values()),
            scores=scores,
            probe=inputs.probe,
        )
        try:
            self.log.append(record)
        except OSError as error:
            raise NotLogged(
                "the answer could not be written to the prediction log",
                found=error.strerror or type(error).__name__,
                hint="look at the disk of the scratch folder, then ask again",
            ) from error
        return protocol.encode_answer(self.model, self.version, request_id, scores).body

    def _predict(self, inputs: Inputs) -> list[float]:
        frame = frame_of(inputs, self.signature)
        try:
            scores = np.asarray(self._package.predict(frame), dtype=float)
        except Exception as error:
            # The text of a model's exception may hold values; its kind does not.
            raise ModelFailed("the model failed", found=type(error).__name__) from error
        if scores.shape != (inputs.rows,) or not np.isfinite(scores).all():
            raise ModelFailed("the model failed", expected="one finite score per row")
        answer: list[float] = scores.tolist()
        return answer


def signature_of(package: Package) -> Signature:
    """What requests to a package may hold."""
    return Signature(
        columns=tuple(
            Column(name, kind, bool(required)) for name, kind, required in package.signature_columns
        ),
        key=package.manifest.get("key"),
        event_time=package.manifest.get("event_time"),
    )


def frame_of(inputs: Inputs, signature: Signature) -> pd.DataFrame:
    """The model's raw inputs of shape (n_rows, n_features): float64 and str columns."""
    dtypes = {"number": "float64", "string": "str"}
    return pd.DataFrame(
        {
            column.name: pd.Series(inputs.columns[column.name], dtype=dtypes[column.kind])
            for column in signature.columns
        }
    )


def load(
    folder: Path, *, make: Callable[[Path], Package], into: Callable[[Package], LoadedModel]
) -> LoadedModel | str:
    """The model of a folder, or in words why it cannot serve."""
    try:
        return into(make(folder))
    except SlipwayError as error:
        return f"{type(error).__name__}: {in_one_line(error)}"
    except Exception as error:  # noqa: BLE001 - the process stays up to say why
        return f"the model in {folder} cannot be loaded: {type(error).__name__}: {error}"


def in_one_line(error: SlipwayError) -> str:
    """An error's message with what was expected and found, for a JSON field."""
    return "; ".join(line.strip() for line in str(error).splitlines())
