"""Writing a recommended policy: its own lines alone change, and comments stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.errors import BadParameter, CommitConflict
from slipway.local.backtest.write_rules import kept_limits, write_rules
from slipway.spec.loading import load_model
from slipway.stages.backtest.policies import chosen_policies
from slipway.stages.backtest.spec_text import with_fields
from tests.support.backtest_env import write_project

BLOCK = """\
model: x  # the model
retraining:
  # how often
  mode: auto  # on its own
  cooldown_days: 7
"""


def test_a_value_is_replaced_and_its_comment_stays() -> None:
    """In a block, and in a flow."""
    assert with_fields(BLOCK, {("retraining", "mode"): "observe"}) == BLOCK.replace(
        "mode: auto", 'mode: "observe"'
    )
    flow = "retraining: {mode: auto, cooldown_days: 7}  # rules\n"
    assert with_fields(flow, {("retraining", "cooldown_days"): 20}) == flow.replace("7", "20")


def test_a_missing_field_becomes_a_line_of_its_own() -> None:
    """With the indentation of its block; in a flow it is the first one."""
    cron = {("retraining", "cron"): "0 0 1 * *"}
    assert with_fields(BLOCK, cron) == BLOCK.replace(
        "  mode: auto", '  cron: "0 0 1 * *"\n  mode: auto'
    )
    assert with_fields("retraining: {mode: auto}\n", cron) == (
        'retraining: {cron: "0 0 1 * *", mode: auto}\n'
    )


def test_a_missing_section_stands_at_the_end() -> None:
    """After all that is there."""
    assert with_fields("model: x\n", {("retraining", "on_drift"): False}) == (
        "model: x\n\nretraining:\n  on_drift: false\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retraining: &r {mode: auto}\n", 'retraining: &r {cron: "@daily", mode: auto}\n'),
        (
            "retraining: &r\n  mode: auto\n",
            'retraining: &r\n  cron: "@daily"\n  mode: auto\n',
        ),
    ],
    ids=["flow", "block"],
)
def test_a_field_is_added_to_a_section_with_an_anchor(text: str, expected: str) -> None:
    """Behind the anchor, and with the indentation of the section's own fields."""
    assert with_fields(text, {("retraining", "cron"): "@daily"}) == expected


def test_the_lines_of_an_alias_are_left_to_a_person() -> None:
    """Other fields have the same lines."""
    text = "spare: &r {mode: auto}\nretraining: *r\n"
    with pytest.raises(BadParameter, match=r"retraining\.cron cannot be set"):
        with_fields(text, {("retraining", "cron"): "@daily"})


def test_the_ends_of_lines_stay(tmp_path: Path) -> None:
    """A file of Windows keeps them, in the text and on the disk."""
    folder = write_project(tmp_path) / "include/models/ferry_delay"
    file, spec = folder / "model.yaml", load_model(folder)
    lines = file.read_text().splitlines()
    file.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    [never] = chosen_policies(["never"], spec, by="day")
    told = write_rules(never, spec, file)
    assert "retraining.on_drift: false" in told
    written = file.read_bytes().decode()
    assert written.count("\n") == written.count("\r\n")
    assert load_model(folder) == never.for_spec(spec)


def test_a_value_of_several_lines_is_left_to_a_person() -> None:
    """And nothing is written."""
    text = "retraining:\n  breaker:\n    rejected: 3\n"
    with pytest.raises(BadParameter, match=r"retraining\.breaker cannot be set"):
        with_fields(text, {("retraining", "breaker"): None})


@pytest.mark.parametrize("name", ["never", "monthly", "decay", "drift_and_decay", "grid:2of3/0d"])
def test_the_written_spec_is_the_policy(tmp_path: Path, name: str) -> None:
    """Read again it has the rules that were played, and the limits that it had."""
    folder = write_project(tmp_path) / "include/models/ferry_delay"
    spec = load_model(folder)
    chosen = chosen_policies(["grid" if name.startswith("grid") else name], spec, by="day")
    policy = next(one for one in chosen if one.name == name)
    write_rules(policy, spec, folder / "model.yaml")
    written = load_model(folder)
    assert written == policy.for_spec(spec)
    with pytest.raises(CommitConflict) if written != spec else pytest.MonkeyPatch.context():
        write_rules(policy, spec, folder / "model.yaml")
    assert sorted(one.name for one in folder.iterdir()) == ["model.yaml"]


def test_no_policy_takes_a_persons_limits_out_of_a_spec(tmp_path: Path) -> None:
    """A yes that is required, a budget and a breaker stay, and which were not played is told."""
    folder = write_project(tmp_path) / "include/models/ferry_delay"
    file = folder / "model.yaml"
    limits = {
        "mode": "approve",
        "budget": {"trainings": 6, "days": 365},
        "breaker": {"rejected": 2},
    }
    lines = [f"retraining.{name}: {json.dumps(value)}" for name, value in limits.items()]
    file.write_text(
        with_fields(file.read_text(), {("retraining", n): v for n, v in limits.items()})
    )
    spec = load_model(folder)
    [monthly] = chosen_policies(["monthly"], spec, by="day")
    assert monthly.spec.retraining.mode == "auto"
    told = write_rules(monthly, spec, file)
    written = load_model(folder).retraining.model_dump(mode="json")
    assert {name: written[name] for name in limits} == limits
    assert written["cron"] == "0 0 1 * *"
    assert not any(name in line for line in told for name in limits)
    assert kept_limits(monthly, spec) == lines
