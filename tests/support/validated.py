"""Validation of a delivery, with its good rows and reasons at hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from slipway.adapters.row_spool import open_spool
from slipway.spec import DatasetSpec
from slipway.spec.dataset import StreamName
from slipway.stages.ingest.validation import validate_delivery
from slipway.stages.ports.delivery_source import OpenDelivery
from slipway.stages.ports.expectations import ExpectationSuites


@dataclass(frozen=True)
class Validated:
    """What the validation of a delivery found.

    Attributes:
        good: Good rows, indexed by row number.
        reasons: All reasons of each bad row, by row number.
        counted: Every reason with its number of rows, as a verdict has it.
        blocks: Reasons to block the batch.
        warnings: Findings that do not stop it.
    """

    good: pd.DataFrame
    reasons: dict[int, str]
    counted: tuple[str, ...]
    blocks: tuple[str, ...]
    warnings: tuple[str, ...]


def validate(
    delivery: OpenDelivery,
    spec: DatasetSpec,
    *,
    suites: ExpectationSuites,
    stream: StreamName = "features",
    clock: datetime | None = None,
) -> Validated:
    """Validate a delivery as the ingest stage does."""
    columns = spec.streams.types(stream)
    with TemporaryDirectory() as folder, open_spool(Path(folder), columns) as spool:
        seen = validate_delivery(
            delivery, spool, spec=spec, stream=stream, suites=suites, clock=clock
        )
        frames = list(spool.frames(keep=seen.good))
    return Validated(
        good=pd.concat(frames) if frames else pd.DataFrame(columns=list(columns)),
        reasons=seen.faults.texts(np.flatnonzero(~seen.good)),
        counted=tuple(map(str, seen.faults.counted())),
        blocks=seen.blocks,
        warnings=seen.warnings,
    )
