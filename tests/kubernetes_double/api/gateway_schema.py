"""The part of the Gateway API's schema that a weighted route needs; other fields are refused.

Source: gateway.networking.k8s.io/v1, standard channel.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_ANY: dict[str, Any] = {"type": "object"}
_MANY: dict[str, Any] = {"type": "array"}


def _strict(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_METADATA = {"$ref": "_/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
_MATCH = _strict(
    path=_strict(type={**_TEXT, "enum": ["Exact", "PathPrefix"]}, value=_TEXT),
)
_BACKEND = _strict(
    ("name",),
    group=_TEXT,
    kind=_TEXT,
    name=_TEXT,
    namespace=_TEXT,
    port=_NUMBER,
    weight=_NUMBER,
)
_PARENT = _strict(
    ("name",),
    group=_TEXT,
    kind=_TEXT,
    name=_TEXT,
    namespace=_TEXT,
    sectionName=_TEXT,
    port=_NUMBER,
)
_RULE = _strict(
    name=_TEXT,
    matches=_list_of(_MATCH),
    backendRefs=_list_of(_BACKEND),
    timeouts=_strict(request=_TEXT, backendRequest=_TEXT),
)


def _kind(spec: dict[str, Any]) -> dict[str, Any]:
    return _strict(
        ("spec",), apiVersion=_TEXT, kind=_TEXT, metadata=_METADATA, spec=spec, status=_ANY
    )


GATEWAY_SCHEMAS: dict[str, dict[str, Any]] = {
    "HTTPRoute": _kind(
        _strict(parentRefs=_list_of(_PARENT), hostnames=_list_of(_TEXT), rules=_list_of(_RULE))
    ),
    "Gateway": _kind(
        _strict(
            ("gatewayClassName", "listeners"),
            gatewayClassName=_TEXT,
            listeners=_list_of(
                _strict(
                    ("name", "port", "protocol"),
                    name=_TEXT,
                    hostname=_TEXT,
                    port=_NUMBER,
                    protocol=_TEXT,
                    tls=_ANY,
                    allowedRoutes=_ANY,
                )
            ),
            addresses=_MANY,
            infrastructure=_ANY,
        )
    ),
    "GatewayClass": _kind(
        _strict(("controllerName",), controllerName=_TEXT, parametersRef=_ANY, description=_TEXT)
    ),
}
