"""Makes a bucket, and makes sure that of several writers of one new key exactly one wins.

`python bucket.py NAME`. The store stands on that: on a server that lets two of them win, two tasks
could both believe that they hold a lease.
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
    """Make the bucket as soon as the server answers, unless it is there."""
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
    """How many of several writers of one new key were told that they made it."""
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
    """Make the bucket that is named, and end badly if it cannot hold a store."""
    [bucket] = sys.argv[1:]
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    make(client, bucket)
    for _ in range(ROUNDS):
        won = winners(client, bucket)
        if won != 1:
            sys.exit(f"{won} of {WRITERS} writers of one new key were told that they made it")
    sys.stdout.write(f"bucket {bucket} is there, and one writer of {WRITERS} wins\n")


if __name__ == "__main__":
    main()
