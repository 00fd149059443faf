"""A reader of Dockerfiles and `.dockerignore`, as far as this project uses them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stage:
    """One `FROM` with its instructions.

    Attributes:
        name: After `AS`.
        base: What it starts from, with the defaults of the arguments in it.
        steps: Instruction and its text, in order.
    """

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def texts(self, instruction: str) -> list[str]:
        """Arguments of each instruction of one kind."""
        return [text for word, text in self.steps if word == instruction]


def stages(file: Path) -> dict[str, Stage]:
    """The stages of a Dockerfile, by name."""
    found: dict[str, Stage] = {}
    defaults: dict[str, str] = {}
    for word, text in instructions(file.read_text()):
        if word == "FROM":
            base, _, name = text.partition(" AS ")
            stage = Stage(name, re.sub(r"\$\{(\w+)\}", lambda m: defaults[m[1]], base))
            found[name] = stage
        elif found:
            stage.steps.append((word, text))
        else:
            name, _, value = text.partition("=")
            defaults[name] = value
    return found


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Instructions and their text, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


def lineage(all_stages: dict[str, Stage], name: str) -> list[Stage]:
    """A stage and those below it in the same file, the lowest first."""
    stage = all_stages[name]
    below = lineage(all_stages, stage.base) if stage.base in all_stages else []
    return [*below, stage]


def copied(stage: Stage) -> Iterator[str]:
    """Sources that a stage copies from the build context."""
    for text in stage.texts("COPY"):
        words = shlex.split(text)
        if not words[0].startswith("--from="):
            yield from words[:-1]


def variables(all_stages: dict[str, Stage], name: str) -> dict[str, str]:
    """Environment variables of a container of a stage."""
    return {
        key: value
        for stage in lineage(all_stages, name)
        for text in stage.texts("ENV")
        for key, _, value in (word.partition("=") for word in shlex.split(text))
    }


def is_ignored(path: str) -> bool:
    """Whether `.dockerignore` excludes a path of the project from the build context."""
    ignored = False
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        begins = pattern.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        heads = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        candidates = parts if "**/" in pattern else heads
        if any(fnmatch(one, begins) for one in candidates):
            ignored = not pattern.startswith("!")
    return ignored
