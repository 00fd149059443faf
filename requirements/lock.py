"""Compiles the lock files from pyproject.toml and clients.in; `make lock` runs it.

The images' bills of materials are made from them by sbom.py.

Each file says in its header what it was made from, so that a test can tell without a network that
it is stale.
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
    "dev": ["pyproject.toml", "--all-extras", "--group", "dev", "--group", "mlflow"],
    "airflow": ["pyproject.toml", "--extra", "airflow"],
    "stages": ["pyproject.toml", "--extra", "stages"],
    "server": ["pyproject.toml", "--extra", "server"],
    "shipper": ["pyproject.toml", "--extra", "shipper"],
    # Nothing of this project: its own dependencies stay out, too.
    "mlflow": ["--group", "mlflow"],
}
# Servers that benchmarks compare with: environments of their own, which host the same model.
PEERS = {"peer-kserve": ["kserve>=0.21"]}
HOSTED = ("scikit-learn", "skops", "xgboost-cpu")
CLIENTS = PROJECT / "requirements" / "clients.in"
COMPILE = [
    *("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"),
    # One version for all interpreters: a model shall meet the numpy that it learnt with.
    *("--fork-strategy", "fewest", "--no-emit-index-url", "--no-emit-find-links"),
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


def clients_command(clients: str) -> str:
    """The same for the environment of public clients, which is locked for itself."""
    wanted = [line for line in clients.splitlines() if line and not line.startswith("#")]
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    return f"make lock  # from clients.in sha256:{digest}"


def main() -> None:
    """Compile every lock file; the small ones agree with dev.txt in all versions.

    What is pinned stays where it still fits, unless `--upgrade` is given.
    """
    command = header_command((PROJECT / "pyproject.toml").read_text())
    for name, chosen in LOCKS.items():
        agree = [] if name == "dev" else ["--constraint", "requirements/dev.txt"]
        compile_lock(name, *chosen, *agree, command=command)
    compile_lock("clients", "requirements/clients.in", command=clients_command(CLIENTS.read_text()))
    server_lock = (PROJECT / "requirements" / "server.txt").read_text()
    for name, asked in PEERS.items():
        compile_lock(name, "-", command="make lock", text=peer_requirements(asked, server_lock))


def compile_lock(name: str, *options: str, command: str, text: str | None = None) -> None:
    """Write one lock file.

    Args:
        name: Of the file.
        options: What is locked (`-`: the text), what of it, and what it has to agree with.
        command: Said in the file's header to have made it.
        text: What is locked, where no file says it.
    """
    uv = Path(sys.executable).with_name("uv")
    target = ["--custom-compile-command", command, "--output-file", f"requirements/{name}.txt"]
    whole = [uv, *COMPILE, *options, *target, *sys.argv[1:]]
    subprocess.run(whole, cwd=PROJECT, check=True, text=True, input=text)


if __name__ == "__main__":
    main()
