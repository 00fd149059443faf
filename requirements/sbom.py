"""Writes a bill of materials per image, from its lock file; `make lock` and `make sbom` run it.

`requirements/sbom/<image>.cdx.json` is CycloneDX JSON. It says nothing of when or where it was
made, so that a test can make it again and compare.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.markers import Environment
from packaging.requirements import Requirement

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "sbom"
IMAGES = ("airflow", "mlflow", "server", "shipper", "stages")
# The images' machine: a lock names packages of other systems, too.
LINUX = Environment(
    implementation_name="cpython",
    implementation_version="3.11.14",
    os_name="posix",
    platform_machine="x86_64",
    platform_python_implementation="CPython",
    platform_release="",
    platform_system="Linux",
    platform_version="",
    python_full_version="3.11.14",
    python_version="3.11",
    sys_platform="linux",
)


def on_linux(lock: str) -> str:
    """The entries of a lock file that are installed on the images' machine."""
    entries = re.split(r"\n(?=\S)", lock)
    pins = [entry for entry in entries if re.match(r"[\w.-]+==", entry)]
    return "\n".join(entry for entry in pins if _applies(entry.partition(" \\")[0]))


def _applies(requirement: str) -> bool:
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate(dict(LINUX))


def bill_of(image: str) -> str:
    """An image's bill of materials.

    Args:
        image: Name of the image, and of its lock file.
    """
    tool = [sys.executable, "-m", "cyclonedx_py", "requirements", "-"]
    done = subprocess.run(
        [*tool, "--output-reproducible", "--no-validate"],
        input=on_linux((HERE / f"{image}.txt").read_text()),
        capture_output=True,
        text=True,
        check=True,
    )
    whole = json.loads(done.stdout)
    parts = [_part(one) for one in whole["components"]]
    subject = _subject(image)
    tools = [
        {key: tool[key] for key in ("name", "type", "version")}
        for tool in whole["metadata"]["tools"]["components"]
    ]
    bill = {
        **whole,
        "metadata": {"component": subject, "tools": {"components": tools}},
        "components": sorted(parts, key=lambda part: part["bom-ref"]),
        "dependencies": _dependencies(subject["bom-ref"], [part["bom-ref"] for part in parts]),
    }
    return json.dumps(bill, indent=1, sort_keys=True) + "\n"


def _part(component: dict[str, Any]) -> dict[str, Any]:
    """A package, named by what it is instead of by a line of a file, and bound to no index."""
    name = component["purl"]
    sources = [
        {"type": "distribution", "url": name, "hashes": reference["hashes"]}
        for reference in component["externalReferences"]
    ]
    kept = {key: component[key] for key in ("name", "purl", "type", "version")}
    return {**kept, "bom-ref": name, "externalReferences": sources}


def _subject(image: str) -> dict[str, Any]:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    return {
        "bom-ref": f"slipway-{image}",
        "name": f"slipway-{image}",
        "version": project["version"],
        "type": "container",
        "licenses": [{"license": {"id": project["license"]}}],
    }


def _dependencies(subject: str, parts: list[str]) -> list[dict[str, Any]]:
    """That the image has each package; a lock does not say which package needs which."""
    return [{"ref": subject, "dependsOn": sorted(parts)}, *({"ref": one} for one in sorted(parts))]


def main() -> None:
    """Write the bill of every image."""
    FOLDER.mkdir(exist_ok=True)
    for image in IMAGES:
        (FOLDER / f"{image}.cdx.json").write_text(bill_of(image))


if __name__ == "__main__":
    main()
