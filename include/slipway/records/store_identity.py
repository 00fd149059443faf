"""Identity of a store: a random id that is made once.

It tells the stores apart that share one registry, and those whose installations trust one key. It
proves nothing: access to the store is access to its identity.
"""

from __future__ import annotations

import re
import secrets

from slipway.errors import Tampered
from slipway.records.store import Store, encode, find_json, read_json

KEY = "store/identity.json"

_ID = re.compile(r"[0-9a-f]{32}")


def store_identity(store: Store) -> str:
    """Return the id of a store; one that has none yet gets one.

    Raises:
        Tampered: The object does not hold an id.
    """
    found = find_identity(store)
    if found is None:
        # Another process may be first, and an answer may be lost.
        store.create(KEY, encode({"id": secrets.token_hex(16)}))
        found = _id_in(read_json(store, KEY))
    return found


def find_identity(store: Store) -> str | None:
    """Return the id of a store, or None where it has none yet.

    Raises:
        Tampered: The object does not hold an id.
    """
    value = find_json(store, KEY)
    return None if value is None else _id_in(value)


def _id_in(value: object) -> str:
    found = value.get("id") if isinstance(value, dict) else None
    if isinstance(found, str) and _ID.fullmatch(found):
        return found
    raise Tampered(
        "the store has no readable identity",
        expected="an id of 32 hexadecimal digits, as it was made",
        found="something else",
        where=KEY,
        hint="restore it from a backup; the tag `slipway.ledger_head` of a registered model in "
        "MLflow ends with the same id",
    )
