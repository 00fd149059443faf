"""Create the users of MLflow: one for stages, which write, and one for servers, which read.

Run by a container of its own at each start. Every user reads by `default_permission`; stages manage
all experiments and models, those that were there before MLflow had users among them.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request

URL = os.environ["MLFLOW_URL"]
STAGES, SERVERS = "slipway", "servers"
EXISTS = "RESOURCE_ALREADY_EXISTS"


def send(method: str, path: str, **body: object) -> dict[str, object]:
    """Send a request as the administrator; return the JSON of the answer."""
    login = f"{os.environ['MLFLOW_AUTH_ADMIN_USERNAME']}:{os.environ['MLFLOW_AUTH_ADMIN_PASSWORD']}"
    request = urllib.request.Request(  # noqa: S310 - an address of the installation
        f"{URL}/api/{path}",
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={
            "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found: dict[str, object] = json.loads(answer.read() or b"{}")
        return found


def is_new(method: str, path: str, **body: object) -> bool:
    """Send a request that creates something; return False where it is there already."""
    try:
        send(method, path, **body)
    except urllib.error.HTTPError as error:
        if json.loads(error.read() or b"{}").get("error_code") != EXISTS:
            raise
        return False
    return True


def create(user: str, password: str) -> None:
    """Create a user, or set the password of an existing one."""
    if not is_new("POST", "2.0/mlflow/users/create", username=user, password=password):
        send("PATCH", "2.0/mlflow/users/update-password", username=user, password=password)


def main() -> None:
    """Create both users, and let stages manage everything."""
    create(STAGES, os.environ["MLFLOW_STAGES_PASSWORD"])
    create(SERVERS, os.environ["MLFLOW_SERVERS_PASSWORD"])
    for kind in ("experiment", "registered_model"):
        is_new(
            "POST",
            "3.0/mlflow/users/permissions/grant",
            username=STAGES,
            resource_type=kind,
            resource_id="*",
            permission="MANAGE",
        )


if __name__ == "__main__":
    main()
