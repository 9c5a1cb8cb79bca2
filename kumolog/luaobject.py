"""Python objects that a policy holds, as KumoMTA's userdata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class LuaObject:
    """Base of values that Lua code can call and index, but not look into.

    ``lua_name`` is the type's name in ``tostring`` and in errors. ``lua_methods`` maps the methods
    of ``object:name(...)``, and ``lua_metamethods`` metamethods such as ``__tostring``, to the
    names of the Python methods that answer with neutral values. ``lua_fields`` maps fields to the
    attributes that are read whenever Lua indexes them.
    """

    lua_name: ClassVar[str]
    lua_methods: ClassVar[Mapping[str, str]] = {}
    lua_metamethods: ClassVar[Mapping[str, str]] = {}
    lua_fields: ClassVar[Mapping[str, str]] = {}
