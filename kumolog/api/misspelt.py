"""What a policy meant that calls what the API does not have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from kumolog.api.surface import plain_type, surface

_NIL = re.compile(r"attempt to (?:call|index) a nil value \((\w+) '(\w+)'\)")
_OF_OBJECT = re.compile(r'attempt to index a (\w+) value \(field "(\w+)"\)')
_NEAR = 0.75  # how much two names have in common of which one is misspelt
_ALIKE = 0.6  # how much a variable's name has in common with that of the function it was to hold


def explain(error: str, missed: Sequence[str]) -> str:
    """An error's text, with what would be right for a module or name that is not there.

    ``missed`` are the names of the API that the policy looked for in vain: those that probe for a
    name still get nil, as in KumoMTA.
    """
    if "module 'policy-extras." in error:
        return f"{error}\n\tpolicy-extras comes with KumoMTA: put a copy of it beside the policy"
    of_object = _OF_OBJECT.search(error)
    if of_object is not None:
        return error + _no_such_member(*of_object.groups())
    nil = _NIL.search(error)
    if nil is None:
        return error
    return error + (_no_such_method if nil[1] == "method" else _no_such_function)(nil, missed)


def _no_such_member(type_name: str, name: str) -> str:
    kind = plain_type(type_name)
    of_kind = ((row.name, *re.split("[:.]", row.name, maxsplit=1)) for row in surface())
    members = {own[1]: full for full, *own in of_kind if own[1:] and plain_type(own[0]) == kind}
    near = difflib.get_close_matches(name, members, 1)
    return f": did you mean `{members[near[0]]}`?" if near else ""


def _no_such_method(nil: re.Match[str], _missed: Sequence[str]) -> str:
    """Says something only where a method was probably meant: objects may be the policy's own."""
    methods = {row.name.partition(":")[2]: row.name for row in surface() if row.kind == "method"}
    near = difflib.get_close_matches(nil[2], methods, 1, _NEAR)
    return f": no such method, did you mean `{methods[near[0]]}`?" if near else ""


def _no_such_function(nil: re.Match[str], missed: Sequence[str]) -> str:
    wanted = _missed_as(nil[1], nil[2], missed)
    if wanted is None:
        return ""
    near = _nearest_name(wanted)
    hint = f"did you mean `{near}`?" if near else "`kumolog api` lists all there are"
    return f": no such function as `{wanted}`: {hint}"


def _missed_as(kind: str, name: str, missed: Sequence[str]) -> str | None:
    """The missed name whose nil a field or variable of this name holds, if it is one of them."""
    by_last_part = {wanted.rpartition(".")[2]: wanted for wanted in missed}
    if name in by_last_part or kind == "field":
        return by_last_part.get(name)
    near = difflib.get_close_matches(name, by_last_part, 1, _ALIKE)
    if near:
        return by_last_part[near[0]]
    return next(filter(_nearest_name, missed[::-1]), None)  # one that is not just probed for


def _nearest_name(wanted: str) -> str | None:
    """The name of the API that was probably meant: one beside it, or one with the same ending."""
    names = [row.name for row in surface() if row.kind != "method"]
    beside, _, last = wanted.rpartition(".")
    last_parts = {name.rpartition(".")[2]: name for name in reversed(names)}
    last_parts |= {
        name.rpartition(".")[2]: name for name in names if name.rpartition(".")[0] == beside
    }
    near = difflib.get_close_matches(last, last_parts, 1, _NEAR)
    return last_parts[near[0]] if near else None
