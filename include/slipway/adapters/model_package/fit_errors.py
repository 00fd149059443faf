"""Turn the errors of estimators and of `pipeline.py` into Slipway's, with their reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from slipway.adapters.model_package.error_reasons import reason_of
from slipway.errors import OutOfMemory, SlipwayError, SpecError
from slipway.spec import ModelSpec


@contextmanager
def explained(
    message: str, *, spec: ModelSpec, rows: pd.DataFrame, where: str, known: tuple[Any, ...] = ()
) -> Iterator[None]:
    """Raise any error inside as a permanent one, with the reason that its library gave.

    Args:
        message: What failed.
        spec: Spec of the model.
        rows: Rows that the error may quote; their values are masked.
        where: What to change.
        known: Further texts and numbers that are no data, beside those of the spec.

    Raises:
        OutOfMemory: There was not enough memory.
        SpecError: Any other error.
    """
    try:
        yield
    except SlipwayError:
        raise
    except MemoryError as error:
        raise OutOfMemory(
            message,
            expected="enough memory",
            where=where,
            hint="give training more memory, or shorten `training.window_days`",
        ) from error
    except Exception as error:
        facts = (spec.estimator.params, spec.features.names, spec.target, *rows.shape, *known)
        raise SpecError(
            message,
            found=reason_of(error, known=facts, rows=rows),
            where=where,
            hint="mend what the reason names; in a task of a DAG, its log has the traceback",
        ) from error
