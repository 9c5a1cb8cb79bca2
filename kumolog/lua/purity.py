"""Which handlers do nothing but look at meta, so that their answers can be remembered.

Of such a handler every call with equal meta values gives the same answer, whatever came before, and
leaves nothing behind. That is told from its code, as Lua has compiled it: what is not known to be
harmless is taken to be none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from kumolog.lua.luac import Prototype, prototypes

# Lua 5.4: lopcodes.h
_OPCODES: Final = tuple(
    re.findall(
        r"\w+",
        """MOVE LOADI LOADF LOADK LOADKX LOADFALSE LFALSESKIP LOADTRUE LOADNIL GETUPVAL SETUPVAL
        GETTABUP GETTABLE GETI GETFIELD SETTABUP SETTABLE SETI SETFIELD NEWTABLE SELF ADDI ADDK SUBK
        MULK MODK POWK DIVK IDIVK BANDK BORK BXORK SHRI SHLI ADD SUB MUL MOD POW DIV IDIV BAND BOR
        BXOR SHL SHR MMBIN MMBINI MMBINK UNM BNOT NOT LEN CONCAT CLOSE TBC JMP EQ LT LE EQK EQI LTI
        LEI GTI GEI TEST TESTSET CALL TAILCALL RETURN RETURN0 RETURN1 FORLOOP FORPREP TFORPREP
        TFORCALL TFORLOOP SETLIST CLOSURE VARARG VARARGPREP EXTRAARG""",
    )
)
# The instructions that only work on registers and constants, by which of their operands (A, B, C)
# are registers.
_PLAIN: Final = {
    name: operands
    for operands, names in {
        "": "JMP RETURN0",
        "a": """LOADI LOADF LOADK LOADFALSE LFALSESKIP LOADTRUE LOADNIL EQK EQI LTI LEI GTI GEI TEST
            MMBINI MMBINK CONCAT CALL TAILCALL RETURN RETURN1 FORLOOP FORPREP""",
        "ab": """MOVE UNM BNOT NOT LEN TESTSET EQ LT LE MMBIN ADDI ADDK SUBK MULK MODK POWK DIVK
            IDIVK BANDK BORK BXORK SHRI SHLI""",
        "abc": "ADD SUB MUL MOD POW DIV IDIV BAND BOR BXOR SHL SHR",
    }.items()
    for name in re.findall(r"\w+", names)
}
_METHODS: Final = frozenset(
    ("byte", "find", "len", "lower", "match", "rep", "reverse", "sub", "upper")
)
"""Those of texts that give the same for the same."""
SCALAR, FUNCTION, TEXTS, ENVIRONMENT = "scalar", "function", "string", "environment"
"""What is outside of a handler: a plain value, a function that gives the same for the same, the
string library, the table of all globals."""

Outside = Callable[[str], str]


class _Instruction(NamedTuple):
    name: str
    a: int
    b: int
    c: int
    has_constant: bool
    bx: int


def keys_asked(dump: bytes, upvalues: Sequence[str], outside: Outside) -> frozenset[str] | None:
    """The meta keys that a handler may ask for; None where it may do anything else.

    ``upvalues`` are the kinds of its upvalues; ``outside`` gives the kind of a global, or of a
    function of the string library (``string.find``). Keys are texts with a character for each byte.
    """
    try:
        handler = prototypes(dump)[0]
    except ValueError:
        return None
    return _Reading(handler, upvalues, outside).keys()


class _Reading:
    def __init__(self, handler: Prototype, upvalues: Sequence[str], outside: Outside) -> None:
        self._code = [_decoded(word) for word in handler.code]
        self._constants = handler.constants
        self._upvalues = upvalues
        self._outside = outside
        self._asked: set[str] = set()

    def keys(self) -> frozenset[str] | None:
        place = 0
        while place < len(self._code):
            taken = self._harmless(place)
            if not taken:
                return None
            place += taken
        return frozenset(self._asked)

    def _harmless(self, place: int) -> int:
        """How many instructions from there on do no harm, at least; the message is register 0."""
        it = self._code[place]
        operands = _PLAIN.get(it.name)
        if operands is not None:
            return all(getattr(it, operand) for operand in operands)
        if it.name == "GETUPVAL":
            return it.a > 0 and self._upvalues[it.b] == SCALAR
        if it.name == "GETTABUP":
            return self._global(place) if it.a > 0 else 0
        if it.name != "SELF" or it.a == 0 or not it.has_constant:
            return 0
        if it.b == 0:
            return self._get_meta(place)
        return (
            self._is_outside(f"string.{self._constants[it.c]}")
            and self._constants[it.c] in _METHODS
        )

    def _is_outside(self, name: str) -> bool:
        return self._outside(name) == FUNCTION

    def _global(self, place: int) -> int:
        it = self._code[place]
        if self._upvalues[it.b] != ENVIRONMENT:
            return 0
        name = self._constants[it.c]
        kind = self._outside(str(name))
        if kind != TEXTS:
            return kind in (SCALAR, FUNCTION)
        field = self._code[place + 1]
        method = self._constants[field.c] if field.name == "GETFIELD" else None
        is_known = field[:3] == ("GETFIELD", it.a, it.a) and method in _METHODS
        return 2 if is_known and self._is_outside(f"string.{method}") else 0

    def _get_meta(self, place: int) -> int:
        """``msg:get_meta 'key'``: three instructions."""
        it, key, call = self._code[place : place + 3]
        if self._constants[it.c] != "get_meta" or call.name not in ("CALL", "TAILCALL"):
            return 0
        name = self._constants[key.bx] if key[:2] == ("LOADK", it.a + 2) else None
        if name is None or (call.a, call.b) != (it.a, 3):
            return 0
        self._asked.add(name)
        return 3


def _decoded(word: int) -> _Instruction:
    opcode = word & 0x7F
    name = _OPCODES[opcode] if opcode < len(_OPCODES) else ""
    a, b, c = word >> 7 & 0xFF, word >> 16 & 0xFF, word >> 24 & 0xFF
    return _Instruction(name, a, b, c, bool(word >> 15 & 1), word >> 15)
