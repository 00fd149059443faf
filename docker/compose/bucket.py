"""Create a bucket, and check that of several conditional puts of one new key exactly one succeeds.

`python bucket.py NAME`. The store requires that: on a server where two succeed, two tasks could
hold the same lease.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PATIENCE_SECONDS = 120
ROUNDS = 5
WRITERS = 8


def make(client: Any, bucket: str) -> None:
    """Create the bucket as soon as the server answers, unless it exists."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_there(client, bucket):
        try:
            client.create_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def is_there(client: Any, bucket: str) -> bool:
    """Whether the server answers and has the bucket."""
    try:
        client.head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError):
        return False
    return True


def winners(client: Any, bucket: str) -> int:
    """Return how many of several conditional puts of one new key succeed."""
    key = f"checks/{os.urandom(8).hex()}"
    together = threading.Barrier(WRITERS)

    def write(number: int) -> bool:
        together.wait()
        try:
            client.put_object(Bucket=bucket, Key=key, Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
                return False
            raise
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        won = sum(pool.map(write, range(WRITERS)))
    client.delete_object(Bucket=bucket, Key=key)
    return won


def main() -> None:
    """Create the named bucket; exit with an error if it cannot hold a store."""
    [bucket] = sys.argv[1:]
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    make(client, bucket)
    for _ in range(ROUNDS):
        won = winners(client, bucket)
        if won != 1:
            sys.exit(f"{won} of {WRITERS} conditional puts of one new key succeeded; expected one")
    sys.stdout.write(f"bucket {bucket} exists, and one conditional put of {WRITERS} succeeds\n")


if __name__ == "__main__":
    main()
