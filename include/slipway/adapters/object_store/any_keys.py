"""List the keys of a bucket, also those that obstore refuses and fails at.

One such key hides a thousand others: obstore returns no page of a listing in which one has an empty
part, `..` or a control character.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from slipway.adapters.object_store.access import S3Access


def list_any_keys(root: str, prefix: str, *, access: S3Access) -> Iterator[str]:
    """Return every key below a folder of a store on S3, as it is.

    Args:
        root: `s3://bucket/prefix`.
        prefix: Key of the folder.
        access: Access to the bucket.

    Raises:
        OSError: The bucket cannot be listed.
    """
    bucket, _, home = root.removeprefix("s3://").partition("/")
    begin = f"{home}/" if home else ""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        region_name=access.region or os.environ.get("AWS_REGION"),
        endpoint_url=access.endpoint or None,
        aws_access_key_id=access.key_id or None,
        aws_secret_access_key=access.secret or None,
        aws_session_token=access.session,
    )
    try:
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{begin}{prefix}/"
        ):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(begin)
    except (BotoCoreError, ClientError) as error:
        raise OSError(str(error)) from error
