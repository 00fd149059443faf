"""How a version's ONNX form is named and spelled, for those who write it and those who ask it.

Every raw column is one input of shape (n_rows, 1): a `number` is a double and NaN when missing,
a `string` is a text. The one output, `score`, is a double of shape (n_rows, 1).
"""

from __future__ import annotations

ONNX = "slipway/model.onnx"
SCORE = "score"
MISSING = ""


def spelled(category: str | None) -> str:
    """A category as the ONNX form takes it: a text of its own for each, and "" for a missing one.

    A text tensor has no null. So nothing stands for a missing category, and a category that is
    made of spaces alone, of none at all included, gets one space more: no two categories meet.

    Args:
        category: Any text, or None when it is missing.
    """
    if category is None:
        return MISSING
    # Most categories do not begin with a space, and one look at the first character settles them.
    if category and category[0] != " ":
        return category
    return category if category.strip(" ") else f"{category} "
