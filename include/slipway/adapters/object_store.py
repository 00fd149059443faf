"""obstore: one store on a local folder or on S3.

S3's address and credentials come from the standard `AWS_*` variables, among them
`AWS_ENDPOINT_URL` and, for an address without TLS, `AWS_ALLOW_HTTP`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from slipway.errors import BadParameter, NotFound, StoreUnavailable
from slipway.records.store import Entry

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


@dataclass(frozen=True)
class S3Access:
    """How to enter a bucket that is not this installation's own.

    Attributes:
        key_id: Access key; empty: the `AWS_…` variables' credentials are used.
        secret: Its secret.
        session: Its session token; None: it is no temporary one.
        region: Region; empty: the `AWS_…` variables' one.
        endpoint: Address of the S3 server; empty likewise.
    """

    key_id: str = ""
    secret: str = field(default="", repr=False)
    session: str | None = field(default=None, repr=False)
    region: str = ""
    endpoint: str = ""

    def config(self) -> S3Config:
        """The same for obstore, where it differs from the `AWS_…` variables."""
        config: S3Config = {}
        if self.region:
            config["region"] = self.region
        if self.endpoint:
            config["endpoint"] = self.endpoint
        return config

    def credentials(self) -> Callable[[], S3Credential] | None:
        """What provides the credentials; None: the `AWS_…` variables do.

        A provider, since keys in a configuration would be used together with the session token
        of the `AWS_…` variables.
        """
        if not self.key_id:
            return None
        held: S3Credential = {
            "access_key_id": self.key_id,
            "secret_access_key": self.secret,
            "token": self.session,
            "expires_at": None,
        }
        return lambda: held


def open_store(root: str, *, access: S3Access | None = None, may_make: bool = True) -> ObjectStore:
    """The store under one root.

    Args:
        root: A local folder, or `s3://bucket/prefix`.
        access: How to enter the bucket; the `AWS_…` variables say it when not given.
        may_make: Whether a local folder is made if there is none.

    Raises:
        BadParameter: The root is neither.
        NotFound: There is no such folder, and it may not be made.
        StoreUnavailable: There is no such folder, and it cannot be made.
    """
    scheme, separator, place = root.partition("://")
    if not separator:
        folder = Path(root).expanduser().resolve()
        if not may_make and not folder.is_dir():
            raise NotFound("there is no such store", where=str(folder))
        try:
            return ObjectStore(str(folder), LocalStore(folder, mkdir=True))
        except OSError as error:
            raise StoreUnavailable(
                "the store's folder cannot be made",
                found=str(error),
                where=str(folder),
                hint="set SLIPWAY_STORE to a folder that can be written, or to s3://bucket/prefix",
            ) from error
    bucket, _, prefix = place.strip("/").partition("/")
    if scheme != "s3" or not bucket:
        raise BadParameter(
            f"cannot open a store at {root}",
            expected="a folder, or s3://bucket/prefix",
            hint="set SLIPWAY_STORE",
        )
    access = access or S3Access()
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config=access.config(),
        client_options=_client(),
        retry_config=_RETRIES,
        credential_provider=access.credentials(),
    )
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
