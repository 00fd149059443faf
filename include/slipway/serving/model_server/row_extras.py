"""What a version may answer beside its scores: outlier scores, and explanations on request.

Runs in model servers. What both rest on is in the version's folder, if its spec asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import Tampered
from slipway.serving.model_server.engine import Engine
from slipway.serving.model_server.shapley_values import Explainer
from slipway.serving.v2.errors import TooLarge
from slipway.serving.v2.protocol import Inputs
from slipway.stages.model import background_rows, outlier_scores
from slipway.stages.model.background_rows import BackgroundRows
from slipway.stages.model.manifest import AGAIN, check
from slipway.stages.model.outlier_scores import OutlierFacts, OutlierScorer

EXPLAINED_CHARACTERS = 64 << 10
"""An explanation scores a row's values hundreds of times at once; the engine copies each text."""


@dataclass(frozen=True)
class RowExtras:
    """What a version answers beside its scores; None: it does not.

    Attributes:
        outliers: Scores how unusual rows are.
        explainer: Explains scores.
        max_explained_rows: Limit on the rows of a request with `explain`.
    """

    outliers: OutlierScorer | None = None
    explainer: Explainer | None = None
    max_explained_rows: int = 1

    def refusal_to_explain(self, inputs: Inputs) -> TooLarge | None:
        """Error for a request with `explain` that would take too much time or memory."""
        if inputs.rows > self.max_explained_rows:
            return TooLarge(
                "the request asks to explain too many rows",
                expected=f"at most {self.max_explained_rows} with the parameter explain",
                found=str(inputs.rows),
                hint="ask for fewer rows at a time, or raise SLIPWAY_EXPLAIN_ROWS",
            )
        texts = [one for column in inputs.columns.values() for one in column if type(one) is str]
        size = sum(map(len, texts))
        if size > EXPLAINED_CHARACTERS:
            return TooLarge(
                "the request asks to explain texts that are too long",
                expected=f"at most {EXPLAINED_CHARACTERS} characters with the parameter explain",
                found=str(size),
            )
        return None


def load_row_extras(folder: Path, engine: Engine, *, max_explained_rows: int) -> RowExtras:
    """Load what a version's folder holds beside its model.

    Args:
        folder: The version's folder.
        engine: Its engine.
        max_explained_rows: Limit on the rows of a request with `explain`.

    Raises:
        Tampered: A file differs from its digest, or cannot be read.
    """
    names = [column.name for column in engine.columns]
    files: dict[str, Any] = {}
    for name in (outlier_scores.FILE, background_rows.FILE):
        sha256 = engine.manifest.get("files", {}).get(name)
        if sha256 is not None:
            data = (folder / name).read_bytes()
            check(data, sha256, where=str(folder / name))
            files[name] = data
    facts, rows = files.get(outlier_scores.FILE), files.get(background_rows.FILE)
    try:
        return RowExtras(
            None if facts is None else OutlierScorer(OutlierFacts.parse(facts), names),
            None
            if rows is None
            else Explainer(engine.score, engine.columns, BackgroundRows.parse(rows)),
            max_explained_rows,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Tampered(
            "a file of a model version cannot be read",
            expected=", ".join(files),
            found=type(error).__name__,
            where=str(folder),
            hint=AGAIN,
        ) from error
