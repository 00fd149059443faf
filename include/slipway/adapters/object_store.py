"""obstore: one store on a local folder or on S3.

S3's address and credentials come from the standard `AWS_*` variables, among them
`AWS_ENDPOINT_URL` and, for an address without TLS, `AWS_ALLOW_HTTP`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from slipway.errors import BadParameter, NotFound, StoreUnavailable
from slipway.records.store import Entry

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


def open_store(root: str) -> ObjectStore:
    """The store under one root.

    Args:
        root: A local folder, made if there is none, or `s3://bucket/prefix`.

    Raises:
        BadParameter: The root is neither.
    """
    scheme, separator, place = root.partition("://")
    if not separator:
        folder = Path(root).expanduser().resolve()
        return ObjectStore(str(folder), LocalStore(folder, mkdir=True))
    bucket, _, prefix = place.strip("/").partition("/")
    if scheme != "s3" or not bucket:
        raise BadParameter(
            f"cannot open a store at {root}",
            expected="a folder, or s3://bucket/prefix",
            hint="set SLIPWAY_STORE",
        )
    store = S3Store(bucket, prefix=prefix or None, client_options=_client(), retry_config=_RETRIES)
    return ObjectStore(root.rstrip("/"), store)


class ObjectStore:
    """Fulfils `records.store.Store`; safe to share among threads, not across a fork."""

    _used_by_process: ClassVar[int | None] = None

    def __init__(self, root: str, store: LocalStore | S3Store) -> None:
        self.root = root
        self._store = store

    def read(self, key: str) -> bytes:
        """Bytes of one object, or `NotFound`."""
        with self._asking("read", key):
            return bytes(obstore.get(self._store, key).bytes())

    def write(self, key: str, data: bytes) -> None:
        """Replace one object as a whole."""
        with self._asking("write", key, missing="the bucket"):
            obstore.put(self._store, key, data)

    def create(self, key: str, data: bytes) -> bool:
        """Write one object if there is none yet; True when this call did."""
        with self._asking("create", key, missing="the bucket"):
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            with self._asking("look for", key):
                obstore.head(self._store, key)
        except NotFound:
            return False
        return True

    def list(self, prefix: str) -> list[Entry]:
        """Every object below a folder, sorted by key."""
        with self._asking("list", prefix, missing="the bucket"):
            found = [meta for page in obstore.list(self._store, prefix) for meta in page]
        entries = [
            Entry(
                key=meta["path"],
                size=meta["size"],
                modified=meta["last_modified"],
                # S3's tag depends on the content alone; the time shows that it was written again.
                tag=f"{meta['e_tag']}@{meta['last_modified'].isoformat()}",
            )
            for meta in found
        ]
        return sorted(entries, key=lambda entry: entry.key)

    def delete(self, key: str) -> None:
        """Remove one object, if it is there."""
        try:
            with self._asking("delete", key):
                obstore.delete(self._store, key)
        except NotFound:
            return

    def uri(self, key: str) -> str:
        """Path or `s3://` address of one object."""
        return f"{self.root}/{key}"

    @contextmanager
    def _asking(self, verb: str, key: str, *, missing: str | None = None) -> Iterator[None]:
        self._refuse_after_fork()
        try:
            yield
        except FileNotFoundError as error:
            if missing is None:
                raise NotFound(f"there is no {key} in the store", where=self.root) from error
            raise self._unavailable(verb, key, found=f"{missing} is not there") from error
        except (BaseError, OSError) as error:
            raise self._unavailable(verb, key, found=str(error).partition("\n")[0]) from error
        except ValueError as error:
            raise BadParameter(
                f"{key!r} cannot be a key of the store",
                expected="parts joined by `/`, none of them empty, `.` or `..`",
            ) from error

    def _unavailable(self, verb: str, key: str, *, found: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"the store could not {verb} {key}",
            found=found,
            where=self.root,
            hint="check SLIPWAY_STORE and, for S3, the AWS_… variables",
        )

    def _refuse_after_fork(self) -> None:
        """Raise where obstore would hang for ever: its threads do not survive a fork."""
        process = os.getpid()
        if ObjectStore._used_by_process is None:
            ObjectStore._used_by_process = process
        if ObjectStore._used_by_process != process:
            raise StoreUnavailable(
                "the store cannot be used in this process",
                found="it was used in the parent process before the fork",
                hint="start the process afresh (spawn, subprocess) instead of forking",
            )


def _client() -> ClientConfig:
    allow_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true", "yes"}
    return {"allow_http": allow_http, "connect_timeout": "5s", "timeout": "60s"}
