"""Serve a version's pipeline with KServe's Python server, in its own environment: FOLDER PORT.

The frame is built from all columns at once; KServe's `as_dataframe` takes milliseconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import kserve
import numpy as np
import pandas as pd
import skops.io
import uvicorn


class Loopback(uvicorn.Config):
    """Settings of uvicorn that listen on loopback; KServe would listen on every interface."""

    def __init__(self, app: Any, **settings: Any) -> None:
        super().__init__(app, **settings | {"host": "127.0.0.1"})


class Pipeline(kserve.Model):
    """A scikit-learn pipeline behind V2.

    Args:
        name: Name of the model.
        folder: A model version's folder.
    """

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        manifest = json.loads((folder / "slipway" / "manifest.json").read_text())
        self._kinds = {column["name"]: column["kind"] for column in manifest["features"]}
        self._pipeline = skops.io.load(folder / "model.skops", trusted=manifest["trusted_types"])
        self.ready = True

    def predict(self, payload: Any, headers: Any = None) -> Any:
        """Return the probability of class 1 by row."""
        del headers
        sent = {tensor.name: tensor.data for tensor in payload.inputs}
        dtypes = {"number": np.float64, "string": object}
        columns = {
            name: np.asarray(sent[name], dtype=dtypes[kind]) for name, kind in self._kinds.items()
        }
        rows = pd.DataFrame(columns)
        scores = self._pipeline.predict_proba(rows)[:, 1]
        output = kserve.InferOutput("score", [len(scores)], "FP64", scores.tolist())
        return kserve.InferResponse(payload.id or uuid4().hex, self.name, [output])


if __name__ == "__main__":
    uvicorn.Config = Loopback
    hosted = Pipeline("flight_delay", Path(sys.argv[1]))
    kserve.ModelServer(http_port=int(sys.argv[2]), workers=1, enable_grpc=False).start([hosted])
