"""Words in the names of columns, and what they tell about their values."""

from __future__ import annotations

import re
from collections.abc import Collection
from unicodedata import combining, normalize

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+", re.UNICODE)

_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
"""Letters that are no letter of the alphabet with an accent."""

IDENTIFIERS = frozenset(
    {"id", "ids", "key", "uuid", "guid", "identifier", "nr", "no", "number", "code", "ref"}
    | {"reference", "sku", "isin", "serial", "hash", "pk", "vin", "barcode", "ticket", "index"}
)
STRONG_IDENTIFIERS = frozenset({"id", "uuid", "guid", "key", "identifier", "sku", "pk", "vin"})
ROW_NUMBERS = frozenset(
    {"", "unnamed", "index", "rownames", "rowname", "row", "rowid", "rownum", "instant", "obs"}
    | {"record", "observation", "n", "x", "no", "nr", "rank", "seq"}
)
AFTERWARDS = frozenset(
    {"outcome", "resolution", "resolved", "closed", "cancelled", "canceled", "refunded", "refund"}
    | {"returned", "settled", "settlement", "recovered", "recovery", "recoveries", "dropoff"}
    | {"discharge", "discharged", "predicted", "prediction", "forecast", "score", "boat", "body"}
    | {"predictions", "yhat"}
)
PERHAPS_AFTERWARDS = frozenset(
    {"duration", "elapsed", "total", "final", "actual", "end", "ended", "status", "result", "exit"}
    | {"arrival", "arr", "delay", "paid", "payment", "tip", "reservation"}
)
CLASSES = frozenset(
    {"target", "class", "label", "type", "species", "category", "segment", "group", "kind"}
    | {"diagnosis", "status", "grade", "level", "outcome", "y"}
)
QUANTITIES = frozenset(
    {"quality", "price", "count", "cnt", "amount", "age", "rings", "rating", "score", "sales"}
    | {"value", "duration", "hours", "days", "number", "salary", "income", "charges", "total"}
)
EVENTS = frozenset(
    {"date", "time", "datetime", "timestamp", "ts", "when", "day", "event", "created", "order"}
    | {"ordered", "start", "started", "pickup", "handed", "sold", "opened", "hour", "dteday"}
)
LATER = frozenset(
    {"updated", "modified", "changed", "closed", "end", "ended", "finished", "delivered", "dropoff"}
    | {"resolved", "due", "expires", "expiry", "birth", "born", "dob", "birthday", "birthdate"}
    | {"arrival", "return", "returned", "shipped"}
)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: `customerID` and `customer_id` have the same."""
    return tuple(one.lower() for one in _WORD.findall(name))


def has_word(name: str, among: Collection[str]) -> bool:
    """Return whether a word of a name is one of some."""
    return any(one in among for one in words(name))


def slug(name: str) -> str:
    """Return a name as specs spell names: lower-case words joined by `_`, without accents."""
    plain = _plain(name)
    is_name = plain[:1].isalpha() and len(plain) > 1
    return (plain if is_name else f"data_{plain}")[:48].strip("_")


def can_be_spelled(name: str) -> bool:
    """Return whether anything of a name is left as specs spell it."""
    return bool(_plain(name))


def in_plain_letters(name: str) -> str:
    """Return a name in lower case and without accents; letters of other scripts stay."""
    letters = normalize("NFKD", name.lower().translate(_LETTERS))
    return "".join(one for one in letters if not combining(one))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", in_plain_letters(name)).strip("_")
