"""The count hook of a Lua state, which another thread can set while that runs.

Under a hook every instruction takes half as long again, and hardly any handler runs for so long
that it needs one. So it is away until whoever watches sees that a call does not come to an end:
Lua lets a hook be set at any moment, for signal handlers (Lua 5.4 reference manual: lua_sethook).
"""

from __future__ import annotations

import ctypes
from typing import Any, Self

from lupa import lua54


class Hook:
    """The hook that a state has now, by the address of that; it is to live as long as this."""

    # A PyDLL, whose functions keep other threads of Python from calling them at the same time.
    def __init__(self, library: ctypes.PyDLL, state: int) -> None:
        self._state = ctypes.c_void_p(state)
        self._set = library.lua_sethook
        self._set.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
        self._set.restype = None
        of_state: Any = library.lua_gethook
        of_state.restype = ctypes.c_void_p
        self._mask = library.lua_gethookmask
        getters = (of_state, self._mask, library.lua_gethookcount)
        self._settings = [get(self._state) for get in getters]

    @classmethod
    def of(cls, state: int) -> Self | None:
        """None where the wheel keeps Lua's own functions to itself: then the hook stays."""
        try:
            return cls(ctypes.PyDLL(lua54.__file__), state)
        except (OSError, AttributeError):
            return None

    @property
    def is_set(self) -> bool:
        return bool(self._mask(self._state))

    def set(self) -> None:
        """Sets it where it is away; from any thread."""
        if not self.is_set:  # else it would begin to count anew, and never come to the end
            self._set(self._state, *self._settings)

    def take_away(self) -> None:
        """Takes it away; only while nothing runs in the state."""
        self._set(self._state, None, 0, 0)
