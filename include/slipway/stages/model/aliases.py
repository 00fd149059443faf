"""Aliases of model versions in the registry."""

from __future__ import annotations

CHALLENGER = "challenger"
"""Passed its gates; not served yet."""

CHAMPION = "champion"
"""Served."""

PREVIOUS = "previous"
"""Champion before this one; a rollback goes to it."""

ANCHOR = "anchor"
"""Compared with every challenger, beside the champion; a hand sets it."""
