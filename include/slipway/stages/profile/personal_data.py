"""Find columns that hold personal data: by the words of their name, and by the shape of texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import words

_MANY = 0.6
"""Share of texts with a shape from which on the column holds such texts."""

_LETTERS_BEFORE_A = 55
_REMAINDER, _DIVISOR = 1, 97
_NAMED: Mapping[str, str] = {
    **dict.fromkeys(("email", "mail"), "e-mail addresses"),
    **dict.fromkeys(("phone", "telephone", "mobile", "cellphone", "fax", "tel"), "phone numbers"),
    **dict.fromkeys(("surname", "lastname", "firstname", "forename", "fullname"), "names"),
    **dict.fromkeys(("iban", "bic"), "bank accounts"),
    **dict.fromkeys(("ssn", "passport", "nino", "taxid"), "identity numbers"),
    **dict.fromkeys(("street", "address", "addr", "strasse", "straße"), "addresses"),
    **dict.fromkeys(("dob", "birthdate", "birthday"), "dates of birth"),
}
_PAIRS: Mapping[tuple[str, str], str] = {
    ("last", "name"): "names",
    ("first", "name"): "names",
    ("middle", "name"): "names",
    ("full", "name"): "names",
    ("maiden", "name"): "names",
    ("e", "mail"): "e-mail addresses",
    ("social", "security"): "identity numbers",
    ("credit", "card"): "card numbers",
    ("card", "number"): "card numbers",
    ("account", "number"): "bank accounts",
    ("ip", "address"): "network addresses",
    ("date", "birth"): "dates of birth",
    ("birth", "date"): "dates of birth",
}
_OF_PEOPLE = frozenset(
    {"customer", "client", "patient", "passenger", "employee", "user", "person", "contact", "name"}
    | {"student", "member", "driver", "player", "owner", "applicant", "guest", "borrower", "holder"}
)
_PEOPLE = _OF_PEOPLE - {"name"} | frozenset(
    {"age", "sex", "gender", "race", "ethnicity", "religion", "nationality", "marital", "married"}
    | {"surname", "lastname", "firstname", "email", "phone", "mobile", "birth", "dob", "birthday"}
    | {"birthdate", "salary", "occupation", "job", "education", "spouse", "children", "parch"}
)
"""Words of the other columns of a file whose rows are people."""

_AREAS = frozenset({"state", "country", "region", "province", "county", "continent"})
"""Parts of an address that many people share."""

_SHORTEST_NUMBER = 1_000_000
"""A telephone, card or identity number is no less."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(
    r"(\+|00)[0-9][0-9 ()/.-]{7,}|\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}(x[0-9]+)?"
)
_ADDRESS = re.compile(
    r"[0-9]{1,5} [\w .']+ (street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct)"
    r"\b.*|[\w .-]+(straße|strasse|str\.|weg|platz|allee|gasse) ?[0-9]{1,4} ?[a-z]?\b.*",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"[^\W\d][\w'\u2019 -]+, (mr|mrs|miss|ms|dr|master|rev|col|major|prof|sir|lady|don|mme)\b.*"
    r"|(mr|mrs|miss|ms|dr|prof|herr|frau)\.? [^\W\d].*",
    re.IGNORECASE,
)
_IPV4 = re.compile(r"([0-9]{1,3}\.){3}[0-9]{1,3}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def personal_data(column: Column, *, of_people: bool = True) -> str | None:
    """Return what personal data a column holds, with the reason; None where none is found.

    Args:
        column: Column.
        of_people: Whether the rows may be people: a `name` alone is else one of things.
    """
    by_name = _by_name(column, of_people=of_people)
    if by_name is not None:
        return f"{by_name}, by its name"
    if column.type != "string":
        return None
    texts = [text.strip() for text in column.shapes()]
    for what, fits in _SHAPED.items():
        if texts and sum(map(fits, texts)) >= _MANY * len(texts):
            return f"{what}, by the shape of its texts"
    return None


def tells_of_people(columns: Mapping[str, Column]) -> bool:
    """Return whether a file describes people, by the words of its columns."""
    return any(_PEOPLE & set(words(name)) for name in columns)


def _by_name(column: Column, *, of_people: bool) -> str | None:
    said = words(column.name)
    if column.type in {"boolean", "number"} or _is_flag(column) or _AREAS & set(said):
        return None
    if column.type == "integer" and float(column.sample.max()) < _SHORTEST_NUMBER:
        return None
    for first, second in pairwise(said):
        if (first, second) in _PAIRS:
            return _PAIRS[first, second]
    for word in said:
        if word in _NAMED:
            return _NAMED[word]
    if not of_people and set(said) == {"name"}:
        return None
    return "names" if _is_name_of_people(said, column) else None


def _is_flag(column: Column) -> bool:
    """Whether it has a few values, such as whether there is a phone."""
    return column.distinct <= 10 and column.distinct_share < 0.5  # noqa: PLR2004 - a few


def _is_name_of_people(said: Sequence[str], column: Column) -> bool:
    """`name` alone, of texts of which most are different, or beside a word for people."""
    if column.type != "string" or "name" not in said:
        return False
    return set(said) <= _OF_PEOPLE and column.distinct_share > 0.5  # noqa: PLR2004 - most


def _is_iban(text: str) -> bool:
    bare = text.replace(" ", "")
    if not _IBAN.fullmatch(bare):
        return False
    digits = "".join(
        one if one.isdigit() else str(ord(one) - _LETTERS_BEFORE_A) for one in bare[4:] + bare[:4]
    )
    return int(digits) % _DIVISOR == _REMAINDER


_SHAPED: Mapping[str, Callable[[str], bool]] = {
    "e-mail addresses": lambda text: _EMAIL.fullmatch(text) is not None,
    "bank accounts": _is_iban,
    "network addresses": lambda text: _IPV4.fullmatch(text) is not None,
    "phone numbers": lambda text: _PHONE.fullmatch(text) is not None,
    "addresses": lambda text: _ADDRESS.fullmatch(text) is not None,
    "names": lambda text: _PERSON.fullmatch(text) is not None,
}
