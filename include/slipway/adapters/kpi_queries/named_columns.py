"""Find the columns that a query names, by DuckDB's own parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from slipway.stages.ports.kpi_queries import Views

_UNNAMED = frozenset({"STAR", "POSITIONAL_REFERENCE", "NATURAL", "POSITIONAL", "TABLE_FUNCTION"})
"""Expressions, joins and tables that may read columns which no part of the query names."""


def named_columns(
    connection: duckdb.DuckDBPyConnection, sql: str, views: Views
) -> frozenset[str] | None:
    """Return the names in a query that columns may have, casefolded.

    None where it may read columns that it does not name: by `*`, a row as a whole, or a join by
    common names; and where the parser cannot tell.

    Args:
        connection: Any connection.
        sql: The query.
        views: Columns of each view.
    """
    try:
        [row] = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        tree = json.loads(row[0])
    except (duckdb.Error, ValueError, RecursionError):
        return None
    if tree.get("error"):
        return None
    names: set[str] = set()
    whole = {one.casefold() for one in views}
    single: set[str] = set()
    for node in _nodes(tree):
        if _reads_unnamed(node):
            return None
        parts = [one.casefold() for one in node.get("column_names") or ()]
        names.update(parts, (one.casefold() for one in node.get("using_columns") or ()))
        single.update(parts if len(parts) == 1 else ())
        whole.add(str(node.get("alias") or "").casefold())
    return None if single & whole else frozenset(names)


def _reads_unnamed(node: dict[str, Any]) -> bool:
    """Return whether a part of a query may read columns that it does not name."""
    kinds = {str(node.get(one)) for one in ("class", "type", "ref_type")}
    return bool(kinds & _UNNAMED) or bool(node.get("column_name_alias"))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for one in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(one, dict | list):
            yield from _nodes(one)
