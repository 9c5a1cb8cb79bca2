"""Some fields of records, by their paths such as ``response.code``; nothing else is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import MsgspecError, Raw, Struct

T = TypeVar("T")
Path = tuple[str, ...]
Note = Callable[[str], None]
"""Is told why a line is no record."""

NULL: Final = Raw(b"null")
_UNREADABLE: Final = (MsgspecError, UnicodeDecodeError, RecursionError)
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r"
_BRACE: Final = ord("}")
_LAST_BYTE: Final = itemgetter(-1)


def parse_path(text: str) -> Path:
    """The names that lead to a field. Raises ValueError."""
    names = tuple(name.strip() for name in text.split("."))
    if not all(names):
        raise ValueError(f"{text!r} names no field: write its path, such as response.code")
    return names


class Lines(Generic[T]):
    """Decodes lines into rows of one kind, and leaves out those that are no records.

    Bytes that are not UTF-8 become U+FFFD (KumoMTA: tailer).
    """

    def __init__(self, kind: Any, make: Callable[[dict[str, Any]], T]) -> None:
        """``make`` turns an object into a row where ``kind`` does not take the line."""
        decoder = msgspec.json.Decoder(kind)
        self._one, self._all = decoder.decode, decoder.decode_lines
        self._make = make

    def rows(self, lines: list[bytes], note: Note) -> tuple[list[bytes], list[T]]:
        """The lines that are records, and their rows in parallel."""
        # Values may span lines, or share one: not where all are in braces and the counts agree.
        if lines and _are_in_braces(lines):
            try:
                rows = self._all(b"\n".join(lines))
            except _UNREADABLE:
                pass  # line by line then, to tell which
            else:
                if len(rows) == len(lines):
                    return lines, rows
        return self._one_by_one(lines, note)

    def _one_by_one(self, lines: list[bytes], note: Note) -> tuple[list[bytes], list[T]]:
        good: list[bytes] = []
        rows: list[T] = []
        for line in lines:
            if not line.strip(_BLANK):
                continue
            try:
                rows.append(self._row(line))
                good.append(line)
            except _UNREADABLE as error:
                note(f"a line is no record: {error}")
        return good, rows

    def _row(self, line: bytes) -> T:
        line = line.removeprefix(_BOM)
        try:
            return self._one(line)  # type: ignore[no-any-return] # of the kind
        except _UNREADABLE:
            value = msgspec.json.decode(line.decode("utf-8", "replace"), type=dict)
        return self._make(value)


def _are_in_braces(lines: list[bytes]) -> bool:
    starts = min(lines) >= b"{" and max(lines) < b"|"
    return starts and set(map(_LAST_BYTE, lines)) == {_BRACE}


class Fields:
    """Rows with the values of some fields: ``leaf`` is what they are decoded as.

    A field that is missing is ``absent``; one below a value that is no object is so, too.
    """

    def __init__(self, paths: Iterable[Path], leaf: Any = Any, absent: Any = None) -> None:
        tree = _tree(paths)
        self.paths = tuple(_leaves(tree))
        """Those asked for, each once, without those that lie in another one."""
        self._tree = _Tree(tree, leaf, absent)
        self.lines: Lines[Struct] = Lines(self._tree.struct, self._tree.build)

    def column(self, rows: Sequence[Struct], path: Path) -> list[Any]:
        """The value of a field that was asked for in each row, None where it is missing."""
        values: list[Any] = list(rows)
        tree: _Tree | None = self._tree
        for name in path:
            get = partial(_member, name) if tree is None else tree.getters[name]
            values = [None if value is None else get(value) for value in values]
            tree = None if tree is None else tree.inner[name]
        return values


def _member(name: str, value: Any) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _tree(paths: Iterable[Path]) -> dict[str, Any]:
    """Names, each with the names below it; None where all of a field is asked for."""
    tree: dict[str, Any] = {}
    for *outer, last in paths:
        inner: dict[str, Any] | None = tree
        for name in outer:
            inner = None if inner is None else inner.setdefault(name, {})
        if inner is not None:
            inner[last] = None
    return tree


def _leaves(tree: Mapping[str, Any]) -> Iterator[Path]:
    for name, below in tree.items():
        if below:
            yield from ((name, *path) for path in _leaves(below))
        else:
            yield (name,)


class _Tree:
    """A struct type for the fields of an object, and for those below them."""

    def __init__(self, names: Mapping[str, Any], leaf: Any, absent: Any) -> None:
        self.absent = absent
        self.inner: Mapping[str, _Tree | None] = MappingProxyType(
            {name: below and _Tree(below, leaf, absent) for name, below in names.items()}
        )
        attributes = {name: f"f{number}" for number, name in enumerate(names)}
        self.getters = {name: attrgetter(attribute) for name, attribute in attributes.items()}
        self._decode_leaf = msgspec.json.Decoder(leaf).decode
        self.struct: type[Struct] = msgspec.defstruct(
            "Fields",
            [
                (attributes[name], below.struct | None, None)
                if below
                else (attributes[name], leaf, absent)
                for name, below in self.inner.items()
            ],
            rename={attribute: name for name, attribute in attributes.items()},
            gc=False,
        )

    def build(self, value: dict[str, Any]) -> Struct:
        """The struct of a decoded object, whatever is inside it."""
        return self.struct(*(self._field(name, value) for name in self.inner))

    def _field(self, name: str, value: dict[str, Any]) -> Any:
        if below := self.inner[name]:
            inner = value.get(name)
            return below.build(inner) if isinstance(inner, dict) else None
        return self._decode_leaf(msgspec.json.encode(value[name])) if name in value else self.absent
