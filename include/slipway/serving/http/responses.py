"""Error responses in V2's form."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def error_response(
    status: int, message: str, *, headers: dict[str, str] | None = None, **more: str
) -> Response:
    """V2 error response.

    Args:
        status: Of the response.
        message: For a reader.
        headers: Of the response.
        **more: Further members, for programs.
    """
    return JSONResponse({"error": message, **more}, status_code=status, headers=headers)


async def not_found(_request: Request, error: Exception) -> Response:
    """Response to an unknown path (404) or an unsupported method (405)."""
    status = getattr(error, "status_code", 404)
    headers = getattr(error, "headers", None)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        text = "this path does not support that method"
        return error_response(status, text, headers=headers)
    return error_response(status, "there is no such model, version or path")
