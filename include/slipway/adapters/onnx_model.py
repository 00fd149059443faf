"""Load a model version's ONNX form and score rows with it.

Runs in model servers; imports NumPy and ONNX Runtime, and neither pandas nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from slipway.errors import BadRequest, NotFound, Tampered
from slipway.stages.model.manifest import MANIFEST, check, open_sealed
from slipway.stages.model.onnx_form import NUMBERS, ONNX, SCORE, SCORES, TEXTS, spell_category
from slipway.stages.ports.raw_column import columns_of

Scores = np.ndarray[Any, np.dtype[np.float64]]
Values = Sequence[float | str | None]


class OnnxModel:
    """A model that takes raw feature columns; safe to share among threads.

    Args:
        data: The ONNX form.
        manifest: The version's manifest.

    Attributes:
        columns: The raw columns, in the order of the signature.
        manifest: The version's manifest.
    """

    def __init__(self, data: bytes, manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self.columns = columns_of(manifest)
        several = manifest.get("task") == "multiclass"
        self._classes = len(manifest["classes"]) if several else None
        self._output = [SCORES if several else SCORE]
        # Images set ORT_DISABLE_TELEMETRY; this covers every other installation.
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        # One row is too little work to share, and idle threads would spin.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        # The Python method's checks of names take a fifth of the time of one row.
        self._run: Callable[[list[str], dict[str, Any], None], list[Any]] = session._sess.run  # noqa: SLF001
        kinds = [column.kind for column in self.columns]
        self._numbers = [place for place, kind in enumerate(kinds) if kind == "number"]
        self._texts = [place for place, kind in enumerate(kinds) if kind == "string"]

    def score(self, columns: Sequence[Sequence[Any]]) -> Scores:
        """Return probabilities of class 1, or predicted values, of shape (n_rows,).

        Of a multi-class model the probability of each class, of shape (n_rows, n_classes).

        Args:
            columns: Values by column, in the order of the signature, read by their declared types;
                None when missing.

        Raises:
            BadRequest: A text is not Unicode.
        """
        if len(columns) != len(self.columns):
            raise ValueError("as many columns are needed as the signature names")
        if not columns[0]:
            return np.empty(0) if self._classes is None else np.empty((0, self._classes))
        feed: dict[str, Any] = {}
        if self._numbers:
            # NumPy reads None as NaN.
            numbers = np.array([columns[place] for place in self._numbers], np.float64)
            feed[NUMBERS] = numbers.T
        if self._texts:
            texts = [[spell_category(text) for text in columns[place]] for place in self._texts]
            feed[TEXTS] = np.array(texts, dtype=object).T
        try:
            scores: Scores = self._run(self._output, feed, None)[0]
        except UnicodeEncodeError:
            # `from None`: the original holds the value, which must not be echoed.
            raise BadRequest(
                "the model cannot score these rows",
                expected="Unicode text",
                found="half of a surrogate pair",
            ) from None
        return scores.ravel() if self._classes is None else scores


def load_onnx(folder: Path) -> OnnxModel:
    """Load the ONNX form from a version's folder, after checking its files against the manifest.

    Args:
        folder: A model version's folder, downloaded from the registry.

    Raises:
        NotFound: The version has no ONNX form.
        Tampered: A file differs from its digest, or the form cannot be loaded.
    """
    manifest = open_sealed(folder)
    where = folder / ONNX
    if ONNX not in manifest["files"]:
        raise NotFound(
            "the version has no ONNX form",
            found=manifest.get("engine", {}).get("reason"),
            where=str(folder / MANIFEST),
            hint="it is served by its scikit-learn pipeline",
        )
    data = where.read_bytes()
    # The bytes that are loaded were read after the check of all files, so check them too.
    check(data, manifest["files"][ONNX], where=str(where))
    try:
        return OnnxModel(data, manifest)
    except Exception as error:
        # ONNX Runtime's errors share no base class.
        raise Tampered(
            "the ONNX form of a version cannot be loaded",
            found=type(error).__name__,
            where=str(where),
            hint="it is older or newer than this onnxruntime; train the model again",
        ) from error
