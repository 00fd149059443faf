"""Compiles the lock files from pyproject.toml; `make lock` runs it.

Each file says in its header which dependency tables it was made from, so that a test can tell
without a network that it is stale.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = {
    "dev": ["--all-extras", "--group", "dev"],
    "airflow": ["--extra", "airflow"],
    "stages": ["--extra", "stages"],
    "server": ["--extra", "server"],
}
# Servers that benchmarks compare with: environments of their own, which host the same model.
PEERS = {"peer-kserve": ["kserve>=0.21"]}
HOSTED = ("scikit-learn", "skops", "xgboost-cpu")
COMPILE = [
    *("pip", "compile", "--quiet", "--universal", "--generate-hashes"),
    *("--no-emit-index-url", "--no-emit-find-links"),
]


def inputs_digest(pyproject: str) -> str:
    """SHA-256 of everything in pyproject.toml that a lock file depends on."""
    tables = tomllib.loads(pyproject)
    project = tables["project"]
    inputs = [
        project["requires-python"],
        project["dependencies"],
        project["optional-dependencies"],
        tables["dependency-groups"],
    ]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def header_command(pyproject: str) -> str:
    """What a lock file's header names as the command that made it."""
    return f"make lock  # from dependency tables sha256:{inputs_digest(pyproject)}"


def peer_requirements(asked: list[str], server_lock: str) -> str:
    """What a peer needs: itself, and the model's libraries at the versions of our servers."""
    pins = [re.search(rf"^{name}==[^ ;]+", server_lock, re.MULTILINE)[0] for name in HOSTED]
    return "\n".join([*asked, *pins])


def main() -> None:
    """Compile every lock file; the small ones agree with dev.txt in all versions.

    What is pinned stays where it still fits, unless `--upgrade` is given.
    """
    given = sys.argv[1:]
    uv = Path(sys.executable).with_name("uv")
    command = header_command((PROJECT / "pyproject.toml").read_text())
    for name, chosen in LOCKS.items():
        agree = [] if name == "dev" else ["--constraint", "requirements/dev.txt"]
        target = ["pyproject.toml", "--output-file", f"requirements/{name}.txt"]
        options = ["--custom-compile-command", command]
        subprocess.run(
            [uv, *COMPILE, *chosen, *agree, *options, *target, *given], cwd=PROJECT, check=True
        )
    server_lock = (PROJECT / "requirements" / "server.txt").read_text()
    for name, asked in PEERS.items():
        target = ["-", "--output-file", f"requirements/{name}.txt", "--python-version", "3.11"]
        options = ["--custom-compile-command", "make lock"]
        subprocess.run(
            [uv, *COMPILE, *options, *target, *given],
            cwd=PROJECT,
            check=True,
            text=True,
            input=peer_requirements(asked, server_lock),
        )


if __name__ == "__main__":
    main()
