"""A folder takes one backtest at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.local.backtest.folder_lock import locked


def test_two_backtests_do_not_write_into_one_folder(tmp_path: Path) -> None:
    """The second says so at once; it may begin as soon as the first has ended, however that was."""
    folder = tmp_path / "results"
    refused = pytest.raises(BadParameter, match="another backtest is writing")
    with locked(folder), refused, locked(folder):
        pass
    with pytest.raises(KeyboardInterrupt), locked(folder):
        raise KeyboardInterrupt
    with locked(folder), locked(tmp_path / "other"):
        assert folder.is_dir()
