"""Write a recommended policy into a model's spec: its own lines only, checked before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import BadParameter, CommitConflict
from slipway.records.scratch_folder import scratch_folder
from slipway.spec.loading import load_model
from slipway.stages.backtest.policies import OF_PEOPLE, SPEC
from slipway.stages.backtest.spec_text import rules_of, spelled, with_fields

if TYPE_CHECKING:
    from slipway.spec import ModelSpec
    from slipway.stages.backtest.policies import Policy


def write_rules(policy: Policy, spec: ModelSpec, file: Path) -> list[str]:
    """Set the fields of a policy in `model.yaml`; return them as `path: value`.

    Mode, budget and breaker stay as they are, however the policy was played.

    Args:
        policy: Policy.
        spec: The model's spec, as it was played.
        file: Its file.

    Raises:
        CommitConflict: The file has changed since it was played.
        BadParameter: A field stands there in a form that a person has to change.
        SpecErrors: The result would be invalid; nothing was written.
    """
    changed = {} if policy.name == SPEC else rules_of(policy, spec)
    if load_model(file.parent) != spec:
        raise CommitConflict(
            "the spec has changed since it was played",
            where=str(file),
            hint="give the command again",
        )
    if not changed:
        return []
    # As bytes, since the ends of lines stay what they are.
    data = with_fields(file.read_bytes().decode(), changed).encode()
    with scratch_folder("slipway-backtest-", needs="a spec") as scratch:
        draft = scratch / spec.model / file.name
        draft.parent.mkdir()
        draft.write_bytes(data)
        own = file.with_name("pipeline.py")
        if own.is_file():
            (draft.parent / own.name).write_bytes(own.read_bytes())
        if load_model(draft.parent) != policy.for_spec(spec):
            raise BadParameter(
                "the rules cannot be set without changing other fields",
                where=str(file),
                hint="set them by hand, as the report recommends",
            )
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    beside.write_bytes(data)
    beside.chmod(file.stat().st_mode)
    beside.replace(file)
    return [f"{'.'.join(path)}: {spelled(value)}" for path, value in changed.items()]


def kept_limits(policy: Policy, spec: ModelSpec) -> list[str]:
    """Return the limits of people that `write_rules` leaves as they are, as `path: value`.

    Args:
        policy: Policy that was played without them.
        spec: The model's spec.
    """
    if policy.name == SPEC:
        return []
    played, own = (one.retraining.model_dump(mode="json") for one in (policy.spec, spec))
    return [
        f"retraining.{name}: {spelled(own[name])}"
        for name in OF_PEOPLE
        if own[name] != played[name]
    ]
