"""How a version's ONNX form is named and spelled, for those who write it and those who ask it.

`numbers` holds the raw columns that are numbers, doubles of shape (n_rows, n_numbers), NaN when
missing; `texts` holds the others, of shape (n_rows, n_texts). The order is the signature's, and the
form's own metadata names the columns of each; one without columns is no input. The one output,
`score`, is a double of shape (n_rows, 1).
"""

from __future__ import annotations

ONNX = "slipway/model.onnx"
NUMBERS, TEXTS = "numbers", "texts"
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
