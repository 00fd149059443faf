"""The generated reference is complete and in step with the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click import Argument
from pydantic import BaseModel

from slipway.cli.commands import commands
from slipway.cli.reference import pages
from slipway.settings import Settings
from slipway.spec import DatasetSpec, ModelSpec

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def parts(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a spec, by name."""
    yield "the file", schema
    yield from schema.get("$defs", {}).items()


@pytest.mark.parametrize("name", sorted(pages(commands)))
def test_page_is_in_step_with_the_code(name: str) -> None:
    """The committed page is what `make reference` writes now."""
    assert (FOLDER / name).read_text() == pages(commands)[name], "run `make reference`"


@pytest.mark.parametrize("spec", [DatasetSpec, ModelSpec, Settings])
def test_every_field_is_described(spec: type[BaseModel]) -> None:
    """Every field and setting has a description."""
    nameless = [
        f"{part}.{name}"
        for part, schema in parts(spec.model_json_schema())
        for name, field in schema["properties"].items()
        if not field.get("description") and "$ref" not in field
    ]
    assert nameless == []


@pytest.mark.parametrize("spec", [DatasetSpec, ModelSpec])
def test_every_field_is_in_the_reference(spec: type[BaseModel]) -> None:
    """Each field of each part has a row with its meaning."""
    page = pages(commands)["specs.md"]
    for part, schema in parts(spec.model_json_schema()):
        for name in schema["properties"]:
            rows = [row for row in page.splitlines() if row.startswith(f"| `{name}` |")]
            assert rows, f"{part}.{name}"
            assert all(row.split("|")[-2].strip() for row in rows)


def test_every_setting_is_in_the_reference() -> None:
    """Each setting has a row with its variable, without a path of a machine."""
    page = pages(commands)["settings.md"]
    for name in Settings.model_fields:
        assert f"| `SLIPWAY_{name.upper()}` |" in page
    assert str(FOLDER.parents[1]) not in page


def test_every_command_is_in_the_reference() -> None:
    """Each command, also of groups, has a section."""
    from slipway.cli.ledger import ledger

    page = pages(commands)["cli.md"]
    names = [*commands.commands, *(f"ledger {name}" for name in ledger.commands)]
    assert [name for name in names if f"\n## slipway {name}\n" not in page] == []


def test_every_command_and_option_has_help() -> None:
    """Every command and option has a help text."""
    from slipway.cli.ledger import ledger

    for command in [*commands.commands.values(), *ledger.commands.values()]:
        assert command.help, command.name
        for parameter in command.params:
            described = isinstance(parameter, Argument) or getattr(parameter, "help", None)
            assert described, f"{command.name} {parameter.name}"
