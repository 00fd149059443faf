"""Choose the engine of a new version: convert it to ONNX, and compare both on trial rows."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from slipway.adapters.model_package.onnx_form import write_onnx
from slipway.adapters.model_package.onnx_form.graph import NoOnnxForm
from slipway.adapters.model_package.onnx_parity import compare
from slipway.adapters.model_package.package import Package
from slipway.spec.metrics import has_classes
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.train.engine_choice import EngineChoice, choose_engine, without_form

log = logging.getLogger(__name__)


def engine_of(package: Package, reference: ReferenceRows) -> tuple[EngineChoice, bytes | None]:
    """Choose a model's engine; its ONNX form comes with it if that is chosen.

    No error here fails a training: it becomes the reason to keep the pipeline.

    Args:
        package: The fitted model.
        reference: Rows of the training.
    """
    started = time.perf_counter()
    engine, form = _convert_and_compare(package, reference)
    engine = replace(engine, seconds=round(time.perf_counter() - started, 3))
    return engine, form if engine.name == "onnx" else None


def _convert_and_compare(
    package: Package, reference: ReferenceRows
) -> tuple[EngineChoice, bytes | None]:
    try:
        form = write_onnx(package.pipeline, package.pipeline_columns, scored=package.scored)
        compared = compare(package, form, reference)
    except NoOnnxForm as error:
        return without_form(str(error)), None
    except Exception as error:
        # Its message may quote a value, so only its class goes into the version.
        log.exception("the ONNX form of a model could not be written or evaluated")
        return without_form(f"{type(error).__name__}; the traceback is in the log"), None
    return choose_engine(compared, labels=has_classes(package.task)), form.data
