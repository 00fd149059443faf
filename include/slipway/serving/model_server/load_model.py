"""A version's folder becomes a model that answers, or the reason why it does not."""

from __future__ import annotations

import traceback
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.serving.model_server.engines import load_engine
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.predictor import LoadedModel, Log, header_of, in_one_line
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.write_ahead_log import WriteAheadLog
from slipway.serving.server_options import Options


def load_model(
    model: str,
    version: int,
    folder: Path,
    *,
    log: Path | Log,
    options: Options,
    metrics: Metrics,
) -> LoadedModel | str:
    """A model that has answered a row, or in words why it cannot serve.

    Args:
        model: Its name.
        version: Its version.
        folder: The version's folder.
        log: Where its prediction log's segments lie, or the log itself.
        options: Limits, log and personal columns.
        metrics: Where it is described, and counts.
    """
    try:
        engine = load_engine(folder)
        privacy = PersonalColumns(engine.manifest.get("pii") or {}, options.pii_key_file)
        if isinstance(log, Path):
            header = header_of(model, version, engine, privacy)
            log = WriteAheadLog(log, header=header, options=options)
        loaded = LoadedModel(
            model,
            version,
            engine,
            log=log,
            privacy=privacy,
            metrics=metrics,
            max_rows=options.max_rows,
        )
        loaded.warm_up()
    except SlipwayError as error:
        return f"{type(error).__name__}: {in_one_line(error)}"
    except Exception as error:  # noqa: BLE001 - the process stays up to say why
        place = traceback.extract_tb(error.__traceback__)[-1]
        found = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
        return f"the model in {folder} cannot be loaded: {found}: {error}"
    metrics.describe(engine.name, engine.manifest)
    metrics.watch("log_free_bytes", "Free on the prediction log's disk.", log.free_bytes)
    return loaded
