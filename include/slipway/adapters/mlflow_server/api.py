"""Send requests to an MLflow server's REST API, and raise its failures as Slipway's errors."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from slipway.errors import (
    BadParameter,
    NotFound,
    RegistryUnavailable,
    SlipwayError,
    Tampered,
)
from slipway.records.scratch_folder import FULL, says_full_disk
from slipway.stages.model import manifest

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0
PIECE_BYTES = 2**20
MOST_IN_MEMORY = 64 * 2**20
"""Bytes of the largest file that is read as a whole: a manifest or a signature."""

MOST_WITHOUT_SIZES = 8 * 2**30
"""Bytes of all files of a version or a run together where no manifest has their sizes."""

BUSY = frozenset({408, 429})
REFUSED = frozenset({401, 403})

_LOGIN = (
    "SLIPWAY_MLFLOW_USER and SLIPWAY_MLFLOW_PASSWORD, or SLIPWAY_MLFLOW_TOKEN, tell who asks; "
    "servers read only, stages need the right to edit"
)


class MlflowApi:
    """One MLflow server.

    Args:
        url: Address; a user and password in it are sent with requests and shown nowhere.
        token: Bearer token, if the server requires one.
        answer_within_s: Time limit of an answer; None: `ANSWER_WITHIN_S`.

    Attributes:
        url: Address without user and password.
    """

    def __init__(
        self, url: str, *, token: str | None = None, answer_within_s: float | None = None
    ) -> None:
        self._answer_within_s = answer_within_s or ANSWER_WITHIN_S
        given = httpx.URL(url)
        self.url = str(given.copy_with(userinfo=b"")).rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.url}/api/2.0/",
            auth=(given.username, given.password) if given.userinfo else None,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=httpx.Timeout(self._answer_within_s, connect=CONNECT_WITHIN_S),
        )
        weakref.finalize(self, self._client.close)

    def get(self, path: str, /, **params: str) -> dict[str, Any]:
        """Send a GET request; return the JSON of the response."""
        answer: dict[str, Any] = self._send("GET", f"mlflow/{path}", params=params).json()
        return answer

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send a POST request; return the JSON of the response."""
        answer: dict[str, Any] = self._send("POST", f"mlflow/{path}", json=body).json()
        return answer

    def patch(self, path: str, **body: Any) -> None:
        """Send a PATCH request."""
        self._send("PATCH", f"mlflow/{path}", json=body)

    def delete(self, path: str, **body: Any) -> None:
        """Send a DELETE request."""
        self._send("DELETE", f"mlflow/{path}", json=body)

    def upload(self, artifact_uri: str, folder: Path) -> None:
        """Upload a folder's files to an artifact URI."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(artifact_uri, file.relative_to(folder).as_posix(), file.read_bytes())

    def put(self, artifact_uri: str, name: str, data: bytes) -> None:
        """Upload one file below an artifact URI."""
        self._send("PUT", _proxied(artifact_uri, name), content=data)

    def fetch(self, artifact_uri: str, name: str) -> bytes:
        """Return one small file below an artifact URI.

        Raises:
            NotFound: There is no such file.
            Tampered: It is larger than `MOST_IN_MEMORY`.
        """
        return b"".join(self._pieces(artifact_uri, name, most=MOST_IN_MEMORY))

    def save(self, artifact_uri: str, name: str, to: Path, *, most: int) -> str:
        """Download one file below an artifact URI piece by piece; return its digest.

        Args:
            artifact_uri: Artifact URI of the folder.
            name: Name of the file in it.
            to: File to write.
            most: Bytes that it may have.

        Raises:
            NotFound: There is no such file.
            Tampered: It is larger; no more than that is written.
        """
        hashed = hashlib.sha256()
        to.parent.mkdir(parents=True, exist_ok=True)
        with to.open("wb") as file:
            for piece in self._pieces(artifact_uri, name, most=most):
                hashed.update(piece)
                file.write(piece)
        return hashed.hexdigest()

    def download(self, artifact_uri: str, to: Path, *, sha256: str) -> Path:
        """Download a model version's folder as a whole, with all its digests checked.

        Args:
            artifact_uri: Artifact URI of the folder.
            to: Target folder; a complete copy of the same version is kept.
            sha256: Digest of its manifest.

        Raises:
            Tampered: A file differs from its digest, or is larger than the manifest says.
        """
        if _is_sealed(to, sha256):
            return to
        to.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
        try:
            self._fetch(artifact_uri, partial, sha256)
            _replace(partial, to, sha256)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return to

    def _fetch(self, artifact_uri: str, folder: Path, sha256: str) -> None:
        with _required(artifact_uri, manifest.MANIFEST):
            listing = self.fetch(artifact_uri, manifest.MANIFEST)
        where = f"{artifact_uri}/{manifest.MANIFEST}"
        facts = manifest.parse(listing, sha256=sha256, where=where)
        sizes, left = facts.get(manifest.SIZES, {}), MOST_WITHOUT_SIZES
        for name, digest in facts["files"].items():
            target, most = folder / name, sizes.get(name, left)
            with _required(artifact_uri, name):
                found = self.save(artifact_uri, name, target, most=most)
            manifest.require_same(found, digest, where=f"{artifact_uri}/{name}")
            left -= target.stat().st_size
        kept = folder / manifest.MANIFEST
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(listing)

    def _pieces(self, artifact_uri: str, name: str, *, most: int) -> Iterator[bytes]:
        """Yield the bytes of a file; nothing is read behind the first piece that is too much."""
        left, path = most, _proxied(artifact_uri, name)
        with (
            self._answering(),
            # What a server would compress could be any size before it is counted.
            self._client.stream("GET", path, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if not response.is_success:
                response.read()
                raise self._error(response)
            for piece in response.iter_bytes(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise _too_large(f"{artifact_uri}/{name}", most=most)
                yield piece

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        with self._answering():
            response = self._client.request(method, path, **content)
        if response.is_success:
            return response
        raise self._error(response)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            is_late = isinstance(error, httpx.ReadTimeout)
            limit = f"did not answer within {self._answer_within_s:g} s"
            raise RegistryUnavailable(
                f"the MLflow server {limit if is_late else 'does not answer'}",
                found=type(error).__name__,
                where=self.url,
                hint="start it, or set SLIPWAY_MLFLOW to where it is",
            ) from error

    def _error(self, response: httpx.Response) -> SlipwayError:
        code, message = _reason(response)
        where = str(response.request.url)
        if (
            response.status_code in BUSY
            or response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        ):
            is_full = says_full_disk(message)
            return RegistryUnavailable(
                "the MLflow server failed",
                found=FULL if is_full else message,
                where=where,
                hint="free space where it keeps its database and artifacts" if is_full else None,
            )
        if code == "RESOURCE_ALREADY_EXISTS":
            return AlreadyThere("it exists in MLflow already", found=message, where=where)
        if response.status_code == httpx.codes.NOT_FOUND:
            return NotFound("MLflow has no such object", found=message, where=where)
        hint = _LOGIN if response.status_code in REFUSED else None
        return BadParameter("MLflow rejects the request", found=message, where=where, hint=hint)


class AlreadyThere(BadParameter):
    """The object to create exists already; never leaves the adapter."""


@contextmanager
def _required(artifact_uri: str, name: str) -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise Tampered(
            "a file of a model version is missing", where=f"{artifact_uri}/{name}"
        ) from error


def _too_large(where: str, *, most: int) -> Tampered:
    return Tampered(
        "an artifact in MLflow is larger than it may be",
        expected=f"at most {most:,} bytes",
        found="more",
        where=where,
        hint="it was replaced since it was logged; no more of it was read",
    )


def _reason(response: httpx.Response) -> tuple[str, str]:
    try:
        body = response.json()
        # Behind the first line a database's error repeats the statement and its values.
        return str(body["error_code"]), str(body["message"]).partition("\n")[0]
    except (KeyError, TypeError, ValueError):
        return "", f"status {response.status_code}"


def _proxied(artifact_uri: str, name: str) -> str:
    parts = urlsplit(artifact_uri)
    if parts.scheme != "mlflow-artifacts":
        raise BadParameter(
            "the MLflow server does not serve its artifacts",
            expected="an address like mlflow-artifacts:/…",
            found=f"{parts.scheme}:…",
            hint="start it with --serve-artifacts and --artifacts-destination",
        )
    return f"mlflow-artifacts/artifacts/{quote(parts.path.strip('/'))}/{quote(name)}"


def _is_sealed(folder: Path, sha256: str) -> bool:
    if not folder.exists():
        return False
    try:
        manifest.open_sealed(folder, sha256=sha256)
    except Tampered:
        return False
    return True


def _replace(partial: Path, to: Path, sha256: str) -> None:
    """Move a complete folder into place, unless another process has done so meanwhile."""
    if not _is_sealed(to, sha256):
        shutil.rmtree(to, ignore_errors=True)
        try:
            partial.replace(to)
        except OSError:
            if not _is_sealed(to, sha256):
                raise
