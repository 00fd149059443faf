"""Keep how far a replay has come, so that it can be resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass
class Asked:
    """Requests of one model in one period.

    Attributes:
        rows: Number of predicted rows.
        versions: Predicted rows by version.
        failed: Number of requests without an answer.
    """

    rows: int
    versions: dict[str, int]
    failed: int = 0


@dataclass
class ReplayProgress:
    """How far a replay has come.

    Attributes:
        of: What identifies the replay: its rows, and how they are split.
        began: When the first replay of the dataset began, ISO 8601: deliveries of rows without an
            event time are placed by it, so it stays.
        next_step: Number of the step to begin with.
        asked: Requests by period and model.
        followed: What the ring did at each period's step, by model.
    """

    of: dict[str, Any]
    began: str
    next_step: int = 0
    asked: dict[str, dict[str, Asked]] = field(default_factory=dict)
    followed: dict[str, dict[str, str]] = field(default_factory=dict)


class ProgressFile:
    """The progress of the replays of one dataset.

    Args:
        file: File.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def began(self, *, now: datetime) -> datetime:
        """Return when the first replay began: now, if there is none yet."""
        kept = self._kept()
        return now if kept is None else datetime.fromisoformat(kept["began"])

    def begin(self, of: dict[str, Any], *, began: datetime, restart: bool) -> ReplayProgress:
        """Return the progress of a replay, and keep it: where it was, or at its begin.

        It is kept before anything is delivered, so that a replay which is stopped at any moment
        goes on as itself, and not as the one before it: a second replay delivers batches without
        their labels first, which only its later steps deliver with them.

        Args:
            of: What identifies the replay.
            began: When the first replay of the dataset began.
            restart: Whether it begins anew, however far it was.
        """
        kept = self._kept()
        if kept is None or restart or kept["of"] != of:
            progress = ReplayProgress(of, began.isoformat())
            self.write(progress)
            return progress
        asked = {
            period: {model: Asked(**one) for model, one in models.items()}
            for period, models in kept["asked"].items()
        }
        return ReplayProgress(of, kept["began"], kept["next_step"], asked, kept["followed"])

    def write(self, progress: ReplayProgress) -> None:
        """Keep a progress, as a whole."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(progress), indent=1))
        draft.replace(self.file)

    def _kept(self) -> dict[str, Any] | None:
        try:
            kept: dict[str, Any] = json.loads(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return kept if "began" in kept else None
