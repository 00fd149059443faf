"""Name columns that look like protected attributes of people, which a model may not always use."""

from __future__ import annotations

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import words

_ATTRIBUTES = frozenset(
    {"race", "sex", "gender", "religion", "religious", "ethnicity", "ethnic", "nationality"}
    | {"citizenship", "disability", "disabled", "handicap", "handicapped", "caste"}
    | {"geschlecht", "alter", "sexo"}
)
_FRENCH, _MOST_GENDERS = "genre", 4
"""The French word for gender is that for a kind of film, too, of which there are more."""

_AGE = frozenset({"age", "ages"})
_BESIDE_AGE = frozenset(
    {"age", "ages", "years", "year", "yrs", "in", "of", "at", "group", "range", "band", "class"}
    | {"cat", "category", "bin", "bucket", "customer", "client", "patient", "person", "employee"}
    | {"applicant", "borrower", "driver", "passenger", "student", "mother", "father", "admission"}
    | {"days", "months"}
)
PROTECTED = "looks like a protected attribute; decide whether the model may use it"


def is_protected(column: Column) -> bool:
    """Return whether a column is named like a protected attribute of people.

    `age` counts alone or beside words for people, since houses and accounts have an age, too.
    """
    said = words(column.name)
    is_age = bool(_AGE & set(said)) and {one for one in said if not one.isdigit()} <= _BESIDE_AGE
    is_origin = "native" in said and "country" in said
    is_gender = _FRENCH in said and column.distinct <= _MOST_GENDERS
    return is_age or is_origin or is_gender or bool(_ATTRIBUTES & set(said))
