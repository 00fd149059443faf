"""ONNX form of a model version: its inputs, output and spelling of categories.

Input `numbers` holds the numeric raw columns, doubles of shape (n_rows, n_numbers), NaN when
missing; input `texts` holds the others, of shape (n_rows, n_texts). Columns keep the order of the
signature, and the form's metadata names them; an input without columns is left out. Output `score`
is a double of shape (n_rows, 1); of a multi-class model output `scores` has the probability of each
class, of shape (n_rows, n_classes).
"""

from __future__ import annotations

ONNX = "slipway/model.onnx"
NUMBERS, TEXTS = "numbers", "texts"
SCORE, SCORES = "score", "scores"
MISSING = ""


def spell_category(category: str | None) -> str:
    """Return a category as the ONNX form spells it: "" for a missing one, distinct otherwise.

    A text tensor has no null, so "" means missing. A category that is empty or made of spaces alone
    gets one more space, so that no two categories coincide.

    Args:
        category: Any text, or None when missing.
    """
    if category is None:
        return MISSING
    # Fast path: most categories do not begin with a space.
    if category and category[0] != " ":
        return category
    return category if category.strip(" ") else f"{category} "
