"""Write the reference pages of specs, settings and commands from the code that reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from slipway.settings import DeliveryLimits, Settings, SourceSettings, find_project
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.base import Spec
from slipway.spec.cron import PRESETS

Schema = Mapping[str, Any]

WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
}
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minProperties": "at least {}",
    "minItems": "at least {}",
    "pattern": "`{}`",
}
SOME = Path("project")
"""Stands for any project, where a default lies in it."""

GENERATED = "<!-- Written by `make reference` from the code; a test compares it. -->"
CRON = f"five cron fields, or {', '.join(f'`{preset}`' for preset in PRESETS)}"


def pages(commands: click.Command) -> dict[str, str]:
    """Return every reference page: file name to Markdown.

    Args:
        commands: The root command, `slipway` itself.
    """
    return {"specs.md": specs_page(), "settings.md": settings_page(), "cli.md": cli_page(commands)}


def specs_page() -> str:
    """Return the page of every field of `dataset.yaml`, `expectations.yaml` and `model.yaml`."""
    return _page(
        "Specs",
        [
            "A dataset is one folder under `include/datasets`, a model one under `include/models`.",
            "A field that is not listed here is refused, and so is a value of another type.",
            "`slipway check` prints the file, the line and the nearest allowed spelling.",
            "Only `true` and `false` are booleans, dates are text, aliases and tags are refused.",
            "",
            *_sections("dataset.yaml", DatasetSpec),
            *_sections("model.yaml", ModelSpec),
        ],
    )


def _sections(file: str, spec: type[Spec]) -> Iterator[str]:
    schema = spec.model_json_schema()
    parts = schema.get("$defs", {})
    yield from _section(f"`{file}`", schema, parts)
    for name in _in_reading_order(schema, parts):
        yield from _section(name, parts[name], parts)


def _in_reading_order(schema: Schema, parts: Mapping[str, Schema]) -> Iterator[str]:
    """Names of the parts in the order of their first use, each once."""
    seen: dict[str, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen[name] = None
                walk(parts[name])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema["properties"])
    return iter(seen)


def _section(title: str, schema: Schema, parts: Mapping[str, Schema]) -> Iterator[str]:
    yield f"## {title}"
    yield str(schema["description"]).splitlines()[0]
    yield ""
    yield "| Field | Type | Allowed | Default | Meaning |"
    yield "|---|---|---|---|---|"
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        default = "required" if name in required else _default(field)
        meaning = _meaning(field, parts)
        cells = (f"`{name}`", _type(field), _allowed(field), default, meaning)
        yield _row(cells)
    yield ""


def _meaning(field: Schema, parts: Mapping[str, Schema]) -> str:
    """A field's description; the schema leaves it out where it equals that of its part."""
    if "description" not in field and "$ref" in field:
        field = parts[field["$ref"].rpartition("/")[2]]
    return str(field.get("description", ""))


def _type(field: Schema) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if forms := _forms(field):
        return " or ".join(map(_type, forms))
    if field.get("type") == "null":
        return "nothing"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if isinstance(field.get("additionalProperties"), dict) and field["additionalProperties"]:
        return f"mapping to {_type(field['additionalProperties'])}"
    return "cron" if field.get("format") == "cron" else WORDS.get(field.get("type", ""), "any")


def _forms(field: Schema) -> Sequence[Schema]:
    """Several forms that a field may have."""
    forms: Sequence[Schema] = field.get("anyOf") or field.get("oneOf") or ()
    return forms


def _allowed(field: Schema) -> str:
    allowed = [text.format(field[key]) for key, text in BOUNDS.items() if key in field]
    constant = [field["const"]] if "const" in field else []
    allowed += [f"`{one}`" for one in field.get("enum", constant)]
    allowed += [f"`{one}`" for one in field.get("propertyNames", {}).get("enum", [])]
    if field.get("format") == "cron":
        allowed.append(CRON)
    for one in _forms(field):
        allowed += [_allowed(one)] if _allowed(one) else []
    return ", ".join(allowed)


def _default(field: Schema) -> str:
    if "default" not in field:
        return "its own defaults" if "$ref" in field else "empty"
    value = field["default"]
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict | list):
        return "its own defaults" if value else "empty"
    return f"`{value}`" if value != "" else "empty"


def settings_page() -> str:
    """Return the page of every setting with its environment variable."""
    return _page(
        "Settings",
        [
            "Specs describe datasets and models; settings describe one installation.",
            "Each is an environment variable, read once when a process starts.",
            "",
            *_variables(Settings),
            "",
            "## Limits of a delivery",
            "A delivery beyond one of them is blocked, and read again once a limit was changed.",
            "",
            *_variables(DeliveryLimits),
            "",
            "## Source of an imported version",
            "Read by `slipway bring` only, besides the settings of the target environment.",
            "",
            *_variables(SourceSettings),
        ],
    )


def _variables(settings: type[BaseSettings]) -> Iterator[str]:
    yield "| Variable | Default | Meaning |"
    yield "|---|---|---|"
    prefix = settings.model_config["env_prefix"]
    for name, field in settings.model_fields.items():
        variable = f"`{prefix}{name.upper()}`"
        yield _row((variable, _setting_default(field), field.description or ""))


def _setting_default(field: FieldInfo) -> str:
    value = str(field.get_default(call_default_factory=True, validated_data={"project": SOME}))
    if not value:
        return "empty"
    if field.default_factory is find_project:
        return "the project's folder"
    place = Path(value)
    is_inside = SOME in place.parents
    return f"`{place.relative_to(SOME)}` in the project" if is_inside else f"`{value}`"


def cli_page(commands: click.Command) -> str:
    """Return the page of every command, as its `--help` shows it."""
    context = click.Context(
        commands, info_name="slipway", terminal_width=88, **commands.context_settings
    )
    shown = [
        line
        for one in _contexts(context)
        for line in (f"## {one.command_path}", "```text", one.get_help(), "```", "")
    ]
    return _page(
        "Commands", ["Exit status: 0 done, 1 refused or failed, 2 usage error.", "", *shown]
    )


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """A command and its subcommands, each with the context in which it prints its help."""
    yield context
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            yield from _contexts(click.Context(command, parent=context, info_name=name))


def _page(title: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", GENERATED, "", *lines]).rstrip() + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
