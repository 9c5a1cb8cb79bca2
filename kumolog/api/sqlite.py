"""``require 'sqlite'``: databases through the standard library's sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, ClassVar

from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable, LuaValue
from kumolog.params.arguments import integer, text

_DEFAULT_BUSY_MS = 500
_NO_FILES = frozenset(("", ":memory:"))


def open(  # its Lua name
    registry: Registry, _place: str, file: LuaValue = None, busy: LuaValue = None, *_: LuaValue
) -> SqliteConn:
    """Opens a database file; ``busy`` is how many milliseconds to wait for another's lock."""
    name = text(file, 1)
    milliseconds = _DEFAULT_BUSY_MS if busy is None else integer(busy, 2, "usize")
    try:
        path = name if name in _NO_FILES else registry.files.to_write(name)
        return SqliteConn(sqlite3.connect(path, timeout=milliseconds / 1000, isolation_level=None))
    except sqlite3.Error as error:
        raise KumologError(f"sqlite.open({name!r}): {error}") from None


class SqliteConn(LuaObject):
    """An open database."""

    lua_name = "sqlite_conn"
    lua_methods: ClassVar[Mapping[str, str]] = {"execute": "execute", "close": "close"}

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: LuaValue = None, *parameters: LuaValue) -> Any:
        """Runs one statement.

        Gives a list of values for one column, a list of tables by column name for several, and the
        count of changed rows where there are none. Parameters are positional, or one table of named
        ones.
        """
        statement = text(sql, 2)
        try:
            cursor = self._connection.execute(statement, _bound(parameters))
            rows = cursor.fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise KumologError(f"sqlite: executing {statement!r:.200}: {error}") from None
        if not rows:
            return max(cursor.rowcount, 0)
        names = [column[0] for column in cursor.description]
        if len(names) == 1:
            return [row[0] for row in rows]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def close(self, *_: LuaValue) -> None:
        """Closes the database; what is executed afterwards raises."""
        self._connection.close()


def _bound(parameters: tuple[LuaValue, ...]) -> Any:
    if len(parameters) == 1 and isinstance(parameters[0], LuaTable) and parameters[0].items:
        return {str(name): _scalar(value) for name, value in parameters[0].items}
    return [_scalar(value) for value in parameters]


def _scalar(value: LuaValue) -> Any:
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise KumologError("sqlite: parameters are numbers, strings, booleans and nil")
