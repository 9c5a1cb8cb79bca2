"""Neutral Lua values for tests: short spellings, and strategies for any value at all."""

from __future__ import annotations

from hypothesis import strategies as st

from kumolog.luaobject import LuaObject
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque

FUNCTION = Opaque("function")
THREAD = Opaque("thread")
USERDATA = Opaque("userdata")


class Thing(LuaObject):
    """A userdata without pairs."""

    lua_name = "Thing"


class Pairs(LuaObject):
    """A userdata that opens into a table."""

    lua_name = "Pairs"
    lua_metamethods = {"__pairs": "pairs"}  # noqa: RUF012 - declared as a ClassVar by its base

    def __init__(self, **pairs: object) -> None:
        self.held = pairs

    def pairs(self) -> list[tuple[str, object]]:
        return list(self.held.items())


def array(*values: LuaValue) -> LuaTable:
    """A table with these values at 1, 2, ...; None leaves a hole."""
    return LuaTable([(i, v) for i, v in enumerate(values, 1) if v is not None], list(values))


def marked(*values: LuaValue) -> LuaTable:
    """The same with the mark of a parsed array."""
    return LuaTable(list(enumerate(values, 1)), list(values), is_array=True)


def fields(**pairs: LuaValue) -> LuaTable:
    """A table with these string keys."""
    return LuaTable(list(pairs.items()))


integers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(max_size=5) | st.sampled_from(
    ["10%", "1h", "10/s", "local:5", "10.0.0.0/8", "::1", "[::1]:25", "a.b:25", "http://x/", "<>"]
)
leaves = (
    st.booleans()
    | integers
    | st.floats()
    | texts
    | st.binary(max_size=3).filter(lambda raw: not _is_text(raw))
    | st.sampled_from([NULL, FUNCTION, THREAD, USERDATA, Thing(), Pairs(a=1, b=[])])
)


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def lua_tables(
    values: st.SearchStrategy[LuaValue], keys: st.SearchStrategy[LuaValue]
) -> st.SearchStrategy[LuaTable]:
    """Tables of these values: lists with and without holes and marks, and maps with these keys."""
    pairs = st.lists(st.tuples(keys, values), max_size=5, unique_by=lambda pair: repr(pair[0]))
    return (
        st.lists(values | st.none(), max_size=3).map(lambda items: array(*items))
        | st.lists(values, max_size=2).map(lambda items: marked(*items))
        | st.builds(LuaTable, pairs)
    )


def lua_values(names: st.SearchStrategy[str]) -> st.SearchStrategy[LuaValue]:
    """Any neutral value whose tables often have keys, and whose texts often are, one of ``names``."""
    keys = names | texts | integers | st.floats(allow_nan=False) | st.booleans()
    return st.none() | st.recursive(
        leaves | names, lambda values: lua_tables(values, keys), max_leaves=12
    )
