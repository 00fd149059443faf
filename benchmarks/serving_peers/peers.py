"""Servers of the benchmark: their commands, URLs and response formats."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving_peers.model import Subject

from slipway.local.addresses import LOOPBACK, free_ports

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
KSERVE_LOCK = PROJECT / "requirements" / "peer-kserve.txt"
KSERVE_VENV = PROJECT / "build" / "peer-kserve"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Contender:
    """One server of the benchmark.

    Attributes:
        name: Name for `--only`.
        title: Title in the table.
        command: Command line that starts it.
        port: Port on which it listens.
        ready: Path that responds with 200 once the server is ready.
        infer: Path of infer requests.
        bodies: Format of its requests: `v2` or `split`.
        score: Returns the score of the one row in a response; None without a model.
    """

    name: str
    title: str
    command: Sequence[str]
    port: int
    ready: str
    infer: str
    bodies: str
    score: Callable[[Any], float] | None

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://{LOOPBACK}:{self.port}{path}"


def v2_score(answer: Any) -> float:
    """Return the score in a V2 response."""
    return float(answer["outputs"][0]["data"][0])


def mlflow_score(answer: Any) -> float:
    """Return the probability of class 1 in a response of MLflow."""
    return float(answer["predictions"][0][1])


def line_up(subject: Subject, *, only: Sequence[str]) -> list[Contender]:
    """Return the servers to compare; none is started yet.

    Args:
        subject: The model that they host.
        only: Names of the servers; empty: all.
    """
    makers: Mapping[str, Callable[[Subject, int], Contender]] = {
        "onnx": lambda host, port: _slipway("onnx", "Slipway, ONNX", host, host.folder, port),
        "onnx-unlogged": _unlogged,
        "sklearn": lambda host, port: _slipway(
            "sklearn", "Slipway, scikit-learn", host, host.plain, port
        ),
        "mlflow": _mlflow,
        "kserve": _kserve,
        "floor": _floor,
    }
    unknown = set(only) - makers.keys()
    if unknown:
        raise SystemExit(f"--only takes {', '.join(makers)}; not {', '.join(sorted(unknown))}")
    chosen = [name for name in makers if name in (only or makers)]
    if not subject.has_onnx and any(name.startswith("onnx") for name in chosen):
        raise SystemExit("the version has no ONNX form: it did not pass its parity gate")
    ports = free_ports(len(chosen))
    return [makers[name](subject, port) for name, port in zip(chosen, ports, strict=True)]


def environment(scratch: Path) -> dict[str, str]:
    """Return the environment of every server: one thread to compute on, and no proxy."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return kept | {
        # MLflow starts uvicorn from the path.
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "OMP_NUM_THREADS": "1",
        "SLIPWAY_SCRATCH": str(scratch),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _v2_server(
    name: str, title: str, host: Subject, command: Sequence[str], port: int
) -> Contender:
    return Contender(
        name,
        title,
        command,
        port,
        ready="/v2/health/ready",
        infer=f"/v2/models/{host.model}/infer",
        bodies="v2",
        score=v2_score,
    )


def _slipway(name: str, title: str, host: Subject, folder: Path, port: int) -> Contender:
    command = [str(BIN / "slipway"), "serve", host.model, "--version", "1"]
    command += ["--folder", str(folder), "--port", str(port)]
    return _v2_server(name, title, host, command, port)


def _unlogged(host: Subject, port: int) -> Contender:
    command = [sys.executable, str(HERE / "start_unlogged.py")]
    command += [host.model, str(host.folder), str(port)]
    return _v2_server("onnx-unlogged", "Slipway, ONNX, no log", host, command, port)


def _mlflow(host: Subject, port: int) -> Contender:
    command = [str(BIN / "mlflow"), "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", str(host.folder), "--host", LOOPBACK, "--port", str(port)]
    return Contender(
        "mlflow",
        "mlflow models serve",
        command,
        port,
        ready="/ping",
        infer="/invocations",
        bodies="split",
        score=mlflow_score,
    )


def _kserve(host: Subject, port: int) -> Contender:
    python = _kserve_python()
    command = [str(python), str(HERE / "start_kserve.py"), str(host.plain), str(port)]
    return _v2_server("kserve", "KServe, scikit-learn", host, command, port)


def _floor(host: Subject, port: int) -> Contender:
    command = [sys.executable, str(HERE / "start_floor.py"), host.model, str(port)]
    return Contender(
        "floor",
        "HTTP floor, no model",
        command,
        port,
        ready="/v2/health/ready",
        infer=f"/v2/models/{host.model}/infer",
        bodies="v2",
        score=None,
    )


def _kserve_python() -> Path:
    """Return the interpreter of KServe's environment, which is built if needed."""
    python = KSERVE_VENV / "bin" / "python"
    stamp = KSERVE_VENV / "lock.sha256"
    wanted = hashlib.sha256(KSERVE_LOCK.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print("building KServe's environment in build/", file=sys.stderr, flush=True)
    uv = [str(BIN / "uv"), *(["--system-certs"] if CERTIFICATES.exists() else [])]
    make = [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(KSERVE_VENV)]
    fill = [*uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes"]
    try:
        for command in (make, [*fill, str(KSERVE_LOCK)]):
            subprocess.run(command, check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(
            "cannot build KServe's environment\n"
            "  hint: it needs a package index; leave it out with --only"
        ) from error
    stamp.write_text(wanted)
    return python
