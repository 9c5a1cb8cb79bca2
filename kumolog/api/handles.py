"""What functions and methods without effect give: values that decide nothing, and handles.

A handle stands for what kumolog cannot reach: a client, a signer, a list of rules. It can be made,
prepared and kept; its methods are the rows of ``surface.tsv``, and those of the role ``refuse``
raise, as on every other object.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final
from uuid import uuid4

from kumolog.api.calls import check_call
from kumolog.api.surface import Row, surface
from kumolog.luaobject import LuaObject

_LIST: Final = re.compile(r"\{\w+, \.\.\.\}")
_MEMOIZE: Final = "__memoize"


def result(row: Row, owner: LuaObject | None = None) -> Any:
    """What a row's signature promises: nothing, a harmless value, or a new handle.

    ``owner`` is the object whose method it is. A value that may be nil is.
    """
    kind = row.signature.rpartition("-> ")[2]
    if kind == "self":
        return owner
    if kind.endswith(" or nil"):
        return None
    if _LIST.fullmatch(kind):
        return []
    if kind.startswith("{"):
        return {}
    plain = _PLAIN.get(kind)
    return plain() if plain else handle(kind)


_PLAIN: Final[dict[str, Callable[[], Any]]] = {
    "boolean": lambda: False,
    "nil": lambda: None,
    "string": lambda: "kumolog",
    "uuid_string": lambda: str(uuid4()),
}


class Handle(LuaObject):
    """A handle; ``rows`` are the methods of its kind, by name."""

    rows: dict[str, Row]

    def __getattr__(self, name: str) -> Any:
        if name not in self.rows:
            raise AttributeError(name)
        return partial(self._call, self.rows[name])

    def _call(self, row: Row, *arguments: Any) -> Any:
        check_call(row.name, arguments)
        return result(row, self)

    def memoize(self, *_: Any) -> Handle:
        """The handle itself: there is nothing in it that could change."""
        return self


def handle(kind: str) -> Handle:
    """A new handle with the methods of its kind, or with none."""
    return _class_of(kind)()


@cache
def _class_of(kind: str) -> type[Handle]:
    own = [row for row in surface() if row.name.startswith(f"{kind}:") and row.role != "refuse"]
    rows = {row.name.partition(":")[2]: row for row in own}
    return type(
        kind,
        (Handle,),
        {
            "lua_name": kind,
            "lua_methods": {name: name for name in rows if not name.startswith("__")},
            "lua_metamethods": {_MEMOIZE: "memoize"} if _MEMOIZE in rows else {},
            "rows": rows,
        },
    )
