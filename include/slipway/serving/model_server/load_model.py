"""Load a version's folder into a model that is ready to answer, or return why it cannot."""

from __future__ import annotations

import gc
import traceback
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.serving.model_server.engine import Engine
from slipway.serving.model_server.load_engine import load_engine
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import Log
from slipway.serving.model_server.row_extras import load_row_extras
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.write_ahead_log import Header, WriteAheadLog
from slipway.serving.server_options import Options
from slipway.serving.v2.errors import in_one_line
from slipway.stages.model.personal_keys import KEY_ID, PersonalKeys
from slipway.stages.model.signature import verify_folder


def load_model(
    model: str,
    version: int,
    folder: Path,
    *,
    log: Path | Log,
    options: Options,
    metrics: Metrics,
) -> LoadedModel | str:
    """Load and warm up a model; return a string with the reason if it cannot serve.

    Args:
        model: Its name.
        version: Its version.
        folder: The version's folder.
        log: Folder of its prediction log's segments, or the log itself.
        options: Limits, log and personal columns.
        metrics: Metrics of the server.
    """
    try:
        _require_signature(folder, model, options)
        keys = PersonalKeys.read(options.pii_key_file)
        engine = load_engine(folder, keys)
        pii, key = engine.manifest.get("pii") or {}, engine.manifest.get(KEY_ID)
        personal_columns = PersonalColumns(pii, keys, key=key)
        if isinstance(log, Path):
            header = header_of(model, version, engine, personal_columns)
            log = WriteAheadLog(log, header=header, options=options)
        loaded = LoadedModel(
            model,
            version,
            engine,
            log=log,
            personal_columns=personal_columns,
            metrics=metrics,
            max_rows=options.max_rows,
            extras=load_row_extras(folder, engine, max_explained_rows=options.explain_rows),
        )
        loaded.warm_up()
    except SlipwayError as error:
        return f"{type(error).__name__}: {in_one_line(error)}"
    except Exception as error:  # noqa: BLE001 - the process stays up to report the reason
        place = traceback.extract_tb(error.__traceback__)[-1]
        found = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
        return f"the model in {folder} cannot be loaded: {found}: {error}"
    # A full pass of the garbage collector over an engine's modules holds the interpreter for 20 to
    # 300 ms; it leaves out what is there before the first request.
    gc.collect()
    gc.freeze()
    metrics.describe(engine.name, engine.manifest)
    metrics.watch("log_free_bytes", "Free on the prediction log's disk.", log.free_bytes)
    return loaded


def _require_signature(folder: Path, model: str, options: Options) -> None:
    if options.trusted_keys is None:
        return
    from slipway.adapters.signatures import TrustedKeys

    verify_folder(folder, TrustedKeys(options.trusted_keys), model=model)


def header_of(
    model: str, version: int, engine: Engine, personal_columns: PersonalColumns
) -> Header:
    """Header of a version's log segments."""
    columns = [(column.name, column.kind) for column in engine.signature.columns]
    logged, classes = personal_columns.columns(columns), engine.classes
    return Header(model, version, logged, None if classes is None else list(classes))
