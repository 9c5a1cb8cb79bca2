"""What of a record is counted, decoded without the rest of it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from kumolog.errors import KumologError
from kumolog.globs import is_utf8
from kumolog.record import STRUCTURED_FIELDS, U16
from kumolog.segments.reader import shown_path
from kumolog.stats.table import NONE
from kumolog.stats.timeline import UNDATED

Path = tuple[str, ...]

_Time = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # to the end of the year 9999
_Text = str | None
_FIELDS: Final[tuple[tuple[str, Any, Any], ...]] = (
    ("recipient", str | list[str] | None, None),
    ("site", _Text, None),
    ("bounce_classification", _Text, None),
    ("timestamp", _Time, UNDATED),
    ("event_time", _Text, None),
    ("created", _Time, UNDATED),
    ("created_time", _Text, None),
)
"""Names, types and defaults; ``type``, which has to be there, and ``response.code`` come too."""
_SCALARS: Final = frozenset({("type",), ("response", "code"), *((name,) for name, *_ in _FIELDS)})
_KNOWN: Final = _SCALARS | {("response",)}
_ABSENT: Final[Mapping[Path, int]] = MappingProxyType(
    {("timestamp",): UNDATED, ("created",): UNDATED, ("response", "code"): NONE}
)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_OBJECTS: Final = frozenset((*STRUCTURED_FIELDS, "response.enhanced_code"))
_BLANK: Final = b" \t\r"
_BOM: Final = b"\xef\xbb\xbf"


class NoRecords(NamedTuple):
    """Lines that are none: how many, how many records come before the first, and its fault."""

    lines: int
    after: int
    fault: str


class Decoder:
    """Decodes blocks of whole lines into rows with the fields that are counted.

    ``by`` has the paths of further fields. Raises KumologError for one that cannot be counted by.
    """

    def __init__(self, by: Sequence[Path] = ()) -> None:
        decoder = msgspec.json.Decoder(_kind(_tree(by)))
        self._one, self._all = decoder.decode, decoder.decode_lines
        self._getters = [_getter(path) for path in by]

    def rows(self, block: bytes | memoryview) -> tuple[list[Any], NoRecords | None]:
        """The rows of a block, whose lines may be blank, and what is said of lines without one.

        Bytes that are not UTF-8 become U+FFFD (KumoMTA: tailer).
        """
        try:
            return self._all(block), None
        except _UNREADABLE:
            return self._one_by_one(bytes(block).removeprefix(_BOM))

    def by(self, number: int, rows: list[Any]) -> list[str]:
        """The values of one of the further fields, as texts; "" where there is none."""
        get = self._getters[number]
        return [v if type(v := get(row)) is str else _as_text(v) for row in rows]

    def _one_by_one(self, block: bytes) -> tuple[list[Any], NoRecords | None]:
        rows: list[Any] = []
        count, first = 0, (0, "")
        for line in block.split(b"\n"):
            if not line.strip(_BLANK):
                continue
            try:
                rows.append(self._one(line.decode("utf-8", "replace").encode()))
            except _UNREADABLE as error:
                first = first if count else (len(rows), str(error))
                count += 1
        return rows, NoRecords(count, *first) if count else None


def _tree(by: Sequence[Path]) -> dict[str, Any]:
    """Names of the further fields, each with those of the fields in it; {} for what is counted."""
    tree: dict[str, Any] = {}
    for path in by:
        node = tree
        for name in path:
            node = node.setdefault(name, {})
    for path in by:
        fault = _fault(path, tree)
        if fault:
            raise KumologError(f"counting by {shown_path('.'.join(path))}: {fault}")
    return tree


def _fault(path: Path, tree: dict[str, Any]) -> str | None:
    if not is_utf8("".join(path)):
        return "no field has such a name: it is not UTF-8"
    if ".".join(path) in _OBJECTS:
        return "it is an object; name a field of it, such as response.code"
    if any(path[:length] in _SCALARS for length in range(1, len(path))):
        return "a field in it has no fields of its own"
    node = tree
    for name in path:
        node = node[name]
    return "a field in it is counted by, too: only one of the two can be" if node else None


def _kind(tree: dict[str, Any]) -> Any:
    """The type of the rows; what is only counted by has attributes with names made of hex."""
    response = _struct([("code", U16, NONE)], tree.get("response", {}), {"code"})
    members: list[Any] = [("type", str), *_FIELDS, ("response", response | None, None)]
    return _struct(members, tree, {name for (name, *_) in members})


def _struct(members: list[Any], tree: dict[str, Any], known: Container[str]) -> Any:
    further = [name for name in tree if name not in known]
    members += [(_attribute(name), _inner(tree[name]), None) for name in further]
    rename = {_attribute(name): name for name in further}
    return msgspec.defstruct("Row", members, rename=rename, gc=False)


def _inner(tree: dict[str, Any]) -> Any:
    # In fields that are not KumoMTA's, what is an object in one record may be none in the next.
    return _struct([], tree, ()) | list[Any] | str | int | float | bool | None if tree else Any


def _attribute(name: str) -> str:
    return f"by_{name.encode().hex()}"


def _getter(path: Path) -> Callable[[Any], Any]:
    """What looks up a field in a row; None where a part of the path is missing."""
    attributes = [
        name if path[:length] in _KNOWN else _attribute(name)
        for length, name in enumerate(path, start=1)
    ]
    absent = _ABSENT.get(path)

    def get(row: Any) -> Any:
        value = row
        for attribute in attributes:
            value = getattr(value, attribute, None)
        return None if value == absent else value

    return get


def _as_text(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()
