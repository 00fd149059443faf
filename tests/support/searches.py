"""What a search needs: real metrics, studies and processes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from slipway.adapters.metrics import measure
from slipway.settings import Settings
from slipway.stages.search.search import SearchTools
from slipway.wiring.search import open_processes, open_study


def search_tools(
    *, scratch: Path | None = None, tell: Callable[[str], None] = lambda _: None
) -> SearchTools:
    """Tools of a search.

    Args:
        scratch: Folder of the studies; None: a new one.
        tell: Called with how far the search is.
    """
    folder = scratch or Path(tempfile.mkdtemp(prefix="slipway-studies-"))
    return SearchTools(measure, open_study(Settings(scratch=folder)), open_processes, tell)
