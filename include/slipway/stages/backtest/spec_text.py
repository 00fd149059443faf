"""Set fields in the text of a spec: only their lines change, and comments stay."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from slipway.errors import BadParameter

if TYPE_CHECKING:
    from slipway.spec import ModelSpec
    from slipway.stages.backtest.policies import Policy

Path = tuple[str, ...]
_PARTS: Sequence[Path] = (("retraining",), ("monitoring", "fire"))


def rules_of(policy: Policy, spec: ModelSpec) -> dict[Path, Any]:
    """Return the fields by which a policy differs from a spec, by their paths.

    Limits of people stay as the spec has them.

    Args:
        policy: Policy.
        spec: The model's spec as it is.
    """
    changed: dict[Path, Any] = {}
    specs = (policy.for_spec(spec), spec)
    for part in _PARTS:
        wanted, present = (_part(one.model_dump(mode="json"), part) for one in specs)
        changed |= {
            (*part, name): value for name, value in wanted.items() if value != present[name]
        }
    return changed


def with_fields(text: str, fields: Mapping[Path, Any]) -> str:
    """Return the text of a spec with some fields set.

    Args:
        text: YAML.
        fields: Value of each field, by its path; None: null.

    Raises:
        BadParameter: A field stands there in a form that a person has to change.
    """
    is_of_windows = 0 < text.count("\r\n") == text.count("\n")
    lines = text.replace("\r\n", "\n") if is_of_windows else text
    for path, value in fields.items():
        lines = _with_field(lines, path, value)
    return lines.replace("\n", "\r\n") if is_of_windows else lines


def _part(dumped: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    for name in path:
        dumped = dumped[name]
    return dumped


def _with_field(text: str, path: Path, value: Any) -> str:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    depth = 0
    while depth < len(path):
        if not isinstance(node, yaml.MappingNode) or not node.value:
            raise _by_hand(path)
        found = _field(node, path[depth])
        if found is None:
            return _inserted(text, node, path[depth:], value)
        key, node = found
        if node.start_mark.index < key.start_mark.index:
            # An alias: its lines are another field's, too.
            raise _by_hand(path)
        depth += 1
    in_flow = isinstance(node, yaml.CollectionNode) and node.flow_style
    if node is None or not (isinstance(node, yaml.ScalarNode) or in_flow):
        raise _by_hand(path)
    return f"{text[: node.start_mark.index]}{spelled(value)}{text[node.end_mark.index :]}"


def _field(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Key and value of a field; None: the mapping lacks it."""
    return next(((key, value) for key, value in node.value if key.value == name), None)


def _inserted(text: str, node: yaml.MappingNode, names: Path, value: Any) -> str:
    """Text with a new field, as the first one of a mapping; a new section stands at the end."""
    if node.flow_style:
        written = spelled(value)
        for name in reversed(names[1:]):
            written = f"{{{name}: {written}}}"
        place = text.index("{", node.start_mark.index) + 1
        return f"{text[:place]}{names[0]}: {written}, {text[place:]}"
    # A mapping's own mark is that of its anchor, where it has one.
    column = node.value[0][0].start_mark.column
    lines = [f"{' ' * 2 * depth}{name}:" for depth, name in enumerate(names)]
    lines[-1] += f" {spelled(value)}"
    if len(names) > 1 and column == 0:
        return text.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"
    place = node.value[0][0].start_mark.index
    gap = "\n" + " " * column
    return f"{text[:place]}{gap.join(lines)}{gap}{text[place:]}"


def spelled(value: Any) -> str:
    """A value as YAML: texts in quotes, all else as JSON has it."""
    return json.dumps(value)


def _by_hand(path: Path) -> BadParameter:
    return BadParameter(
        f"{'.'.join(path)} cannot be set without writing its lines anew",
        expected="a value on one line",
        hint="set it by hand, as the report recommends",
    )
