"""Where a rollback returns to, what it says where it cannot, and who holds its lease."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from slipway.errors import BadParameter
from slipway.stages.rollout.lease import holder_of
from slipway.stages.rollout.observed_state import ObservedState
from slipway.stages.rollout.rollback_target import roll_back


@pytest.mark.parametrize(
    ("champion", "hint"),
    [
        (None, "no version is champion either"),
        (1, "it is the first version"),
        (4, "run delay__deploy with the number of an older version as `to`"),
    ],
    ids=["none", "first", "later"],
)
def test_without_a_previous_champion_the_hint_is_true(champion: int | None, hint: str) -> None:
    """It names an older version only where there may be one."""
    state = ObservedState(champion, None, None, {}, champion, None)
    with pytest.raises(BadParameter, match="no previous champion") as refused:
        roll_back(state, model="delay")
    assert hint in str(refused.value)


def test_a_blocked_version_is_named_in_the_way_around() -> None:
    """The command of a rollback takes no number; the DAG does."""
    state = ObservedState(4, 3, None, {3: "refused"}, 4, None)
    with pytest.raises(BadParameter) as refused:
        roll_back(state, model="delay")
    assert "run delay__deploy with 3 as `to`" in str(refused.value)


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ({"dag_id": "m__deploy", "run_id": "r1"}, "m__deploy/r1"),
        ({"by": "ann", "host": "h", "run_id": "shell-1"}, "ann/shell-1"),
        ({"run_id": "shell-1"}, "shell-1"),
    ],
)
def test_the_holder_of_a_lease_has_no_empty_part(origin: Mapping[str, str], name: str) -> None:
    """A DAG's run, or the run of a person's shell."""
    assert holder_of(origin) == name
