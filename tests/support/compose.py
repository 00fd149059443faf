"""`docker/compose.yaml` as tests read it: services, variables, mounts and images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.dockerfiles import PROJECT

FOLDER = PROJECT / "docker"
TEXT = (FOLDER / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (FOLDER / ".env.example").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(:[?-][^}]*)?\}")
AIRFLOW = [name for name in SERVICES if name.startswith("airflow-")]


def environment(name: str) -> dict[str, str]:
    """Environment variables of a service."""
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def target_of(name: str) -> tuple[str, str] | None:
    """Dockerfile and target of a service's image; None for an image of others."""
    made = re.match(r"slipway-(\w+):", SERVICES[name]["image"])
    if made is None:
        return None
    return ("server" if made[1] == "platform" else made[1]), made[1]


def paths(name: str) -> Iterator[tuple[str, str, str]]:
    """Source, target and mode of each mount of a service."""
    for volume in SERVICES[name].get("volumes", ()):
        source, target, mode = (*volume.split(":"), "rw")[:3]
        yield source, target, mode
