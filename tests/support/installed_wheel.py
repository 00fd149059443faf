"""The package as a wheel has it, for processes that shall not see the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTRAS = "airflow,stages,server,shipper"
"""What `slipway up` needs, and the README tells to install."""

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""As pip does, uv shall trust what the machine trusts."""


def wheel_environment(folder: Path) -> dict[str, str]:
    """Environment of processes that import the package from a wheel's files.

    Args:
        folder: New folder of the wheel and its files.
    """
    wheel = str(_build(folder))
    _uv("pip", "install", "--offline", "--no-deps", "--target", str(folder / "site"), wheel)
    return os.environ | {"PYTHONPATH": str(folder / "site")}


def install_afresh(folder: Path) -> Path:
    """Install a wheel with its extras into an environment of its own; return its interpreter.

    Versions are those of the lock file; what the machine has not cached comes from an index.

    Args:
        folder: New folder of the wheel and the environment.
    """
    wheel, python = _build(folder), folder / "venv" / "bin" / "python"
    _uv("venv", "--python", sys.executable, str(folder / "venv"))
    locked = str(ROOT / "requirements" / "dev.txt")
    asked = f"slipway-airflow[{EXTRAS}] @ {wheel.as_uri()}"
    _uv("pip", "install", "--python", str(python), "--constraint", locked, asked)
    return python


def _build(folder: Path) -> Path:
    build = ["build", "--offline", "--wheel", "--no-build-isolation", "--out-dir", str(folder)]
    _uv(*build, str(ROOT))
    [wheel] = folder.glob("slipway_airflow-*.whl")
    return wheel


def _uv(*words: str) -> None:
    uv = [str(Path(sys.executable).with_name("uv")), "--quiet"]
    uv += ["--system-certs"] if CERTIFICATES.exists() else []
    subprocess.run([*uv, *words], env=os.environ | {"VIRTUAL_ENV": sys.prefix}, check=True)
