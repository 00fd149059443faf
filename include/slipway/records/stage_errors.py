"""Errors of stages that ran in a pod, kept under the key of the outcome and raised by the task.

The class of an error decides on a retry.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from slipway import errors
from slipway.errors import Permanent, SlipwayError, StoreUnavailable
from slipway.records.store import Store, encode, find_value

_WORDS = ("message", "expected", "found", "where", "hint")


def keep_error(store: Store, key: str, error: Exception) -> None:
    """Store the error of a stage; no effect while the store is unavailable."""
    fields = {word: getattr(error, word, None) for word in _WORDS}
    if not isinstance(error, SlipwayError):
        fields = {"message": str(error)}
    value = {
        "kind": type(error).__name__,
        "permanent": isinstance(error, Permanent),
        "fields": {word: text for word, text in fields.items() if text is not None},
    }
    # The caller raises the stage's own error, which an unavailable store must not replace.
    with suppress(StoreUnavailable):
        store.create(key, encode({"form": "error", "value": value}))


def find_error(store: Store, key: str) -> Exception | None:
    """Return the error of a stage, or None without one.

    An error of a class that is not in `slipway.errors` becomes a `RuntimeError` that names it.
    """
    return find_value(store, key, _error_in)


def _error_in(kept: Any) -> Exception | None:
    if kept["form"] != "error":
        return None
    name, fields = kept["value"]["kind"], kept["value"]["fields"]
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, SlipwayError):
        return kind(**fields)
    base = Permanent if kept["value"]["permanent"] else RuntimeError
    return base(f"{name}: {fields['message']}")
