"""Artifacts of MLflow are read piece by piece, and no further than their manifest says."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import pytest

from slipway.adapters.mlflow_server import api as mlflow_api
from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.adapters.mlflow_server.runs import MlflowRuns
from slipway.errors import Tampered
from slipway.records.store import digest, encode, parse_json
from slipway.stages.model.manifest import MANIFEST, SIZES, open_sealed, parse, seal

MIB = 2**20
LARGE = 24 * MIB
URI = "mlflow-artifacts:/v"


ANSWERS = {
    "runs/get": encode({"run": {"info": {"artifact_uri": URI}}}),
    "artifacts/list": encode({"files": [{"path": "MLmodel"}, {"path": "model.skops"}]}),
}


class Artifacts(BaseHTTPRequestHandler):
    """The artifacts of one version, of which some go on for as long as they are read."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[dict[str, bytes]] = {}
    endless: ClassVar[set[str]] = set()
    sent: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        """Send a file in chunks, or 512 MiB of zeros; of the API what runs are read by."""
        asked = unquote(self.path).partition("?")[0]
        name = asked.partition("/v/")[2] or asked.partition("/mlflow/")[2]
        data = memoryview(ANSWERS.get(name) or self.files.get(name, b""))
        pieces = [data[start : start + MIB] for start in range(0, len(data), MIB)]
        pieces = [memoryview(bytes(MIB))] * 512 if name in self.endless else pieces
        self.send_response(200 if pieces else 404)
        self.send_header("transfer-encoding", "chunked")
        # Else a client may send its next request into a connection that ends.
        self.send_header("connection", "close")
        self.end_headers()
        # One of an earlier test may go on for a while.
        sent = self.sent
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                sent[name] = sent.get(name, 0) + len(piece)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Artifacts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def sha256(tmp_path: Path) -> str:
    """Digest of a version with a small file and a large one, which the server has."""
    folder = tmp_path / "made"
    (folder / "slipway").mkdir(parents=True)
    (folder / "MLmodel").write_bytes(b"flavors: {}")
    (folder / "model.skops").write_bytes(bytes(LARGE))
    found = seal(folder, {"model": "m"})
    paths = [path for path in folder.rglob("*") if path.is_file()]
    Artifacts.files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    Artifacts.endless, Artifacts.sent = set(), {}
    return found


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Fail where Python held more bytes at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size


def test_a_large_file_is_hashed_while_it_is_saved(
    address: str, sha256: str, tmp_path: Path
) -> None:
    """No file of a version is held in memory as a whole, nor when it is compared again."""
    with at_most(LARGE // 2):
        folder = MlflowApi(address).download(URI, tmp_path / "v", sha256=sha256)
        open_sealed(folder, sha256=sha256)
    assert (folder / "model.skops").stat().st_size == LARGE


@pytest.mark.parametrize("name", ["MLmodel", "model.skops"])
def test_a_file_is_read_no_further_than_its_manifest_says(
    address: str, sha256: str, name: str, tmp_path: Path
) -> None:
    """What was put in its place may be of any size: neither disk nor memory is filled with it."""
    Artifacts.endless.add(name)
    with at_most(LARGE // 2), pytest.raises(Tampered, match="larger than it may be") as raised:
        MlflowApi(address).download(URI, tmp_path / "v", sha256=sha256)
    assert raised.value.where == f"{URI}/{name}"
    assert Artifacts.sent.get(name, 0) < len(Artifacts.files[name]) + 16 * MIB
    assert not list(tmp_path.glob("*v*"))


@pytest.mark.usefixtures("sha256")
@pytest.mark.parametrize("is_sized", [False, True])
def test_files_of_an_earlier_release_are_bounded_together(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_sized: bool
) -> None:
    """Their manifests have no sizes; one with sizes is not bounded by that sum."""
    facts = parse_json(Artifacts.files[MANIFEST])
    if not is_sized:
        del facts[SIZES]
    data = Artifacts.files[MANIFEST] = encode(facts)
    monkeypatch.setattr(mlflow_api, "MOST_WITHOUT_SIZES", LARGE)
    api = MlflowApi(address)
    if is_sized:
        assert api.download(URI, tmp_path / "v", sha256=digest(data)).is_dir()
    else:
        with pytest.raises(Tampered, match="larger than it may be"):
            api.download(URI, tmp_path / "v", sha256=digest(data))


def test_a_manifest_of_any_size_is_not_read(
    address: str, sha256: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what is read before a digest is known to hold."""
    monkeypatch.setattr(mlflow_api, "MOST_IN_MEMORY", MIB)
    Artifacts.endless.add(MANIFEST)
    with at_most(LARGE // 2), pytest.raises(Tampered, match="larger than it may be"):
        MlflowApi(address).download(URI, tmp_path / "v", sha256=sha256)


@pytest.mark.parametrize("sizes", [{}, {"MLmodel": -1}, {"MLmodel": "1"}, {"other": 1}, []])
def test_sizes_of_other_files_are_no_manifest(sizes: object) -> None:
    """Each file has one, or none has."""
    data = encode({"files": {"MLmodel": "0" * 64}, SIZES: sizes})
    with pytest.raises(Tampered, match="cannot be read"):
        parse(data, sha256=None, where=MANIFEST)


@pytest.mark.usefixtures("sha256")
def test_files_of_a_run_are_bounded_together(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`slipway bring` copies them from another environment."""
    runs = MlflowRuns(address)
    assert runs.fetch("r", tmp_path / "files") == ["MLmodel", "model.skops"]
    monkeypatch.setattr("slipway.adapters.mlflow_server.runs.MOST_WITHOUT_SIZES", LARGE)
    with pytest.raises(Tampered, match="larger than it may be"):
        runs.fetch("r", tmp_path / "again")
