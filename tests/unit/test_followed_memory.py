"""What was followed last is remembered outside the store, or nothing is followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import Tampered
from slipway.stages.rollout.genuine_state import newest_genuine
from tests.support.keys import Keys
from tests.support.signed_states import MODEL, Place, followed, place_of


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of the installation."""
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def place(tmp_path: Path, keys: Keys) -> Place:
    """Version 1 served by generation 1, version 2 serves by generation 2."""
    return place_of(tmp_path, keys)


def test_a_memory_that_is_damaged_stops_that_model_alone(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not known may be newer; the error names the file."""
    file = place.home / "followed" / "platform" / f"{MODEL}.json"
    states = place.platform()
    assert followed(states) == [(2, 2)]
    file.write_bytes(b"{}")
    place.write(1, token=3)
    assert followed(states) == []
    assert str(file) in caplog.text
    with pytest.raises(Tampered, match="what was followed last cannot be read"):
        newest_genuine(place.store, MODEL, trust=place.reader)


def test_a_state_that_cannot_be_remembered_is_not_followed(place: Place) -> None:
    """Else a restart would follow an older one."""
    (place.home / "followed").write_text("in the way")
    states = place.platform()
    assert followed(states) == []
    (place.home / "followed").unlink()
    assert followed(states) == [(2, 2)]
