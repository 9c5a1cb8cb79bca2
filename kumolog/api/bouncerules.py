"""Files of bounce rules, and the search through them.

A file is a table ``rules`` in TOML or JSON: class name to list of patterns in the syntax of Rust's
``regex`` crate. KumoMTA: the bounce classifier.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import regex  # type: ignore[import-untyped] # ships no type information

from kumolog.api.lru import Lru
from kumolog.api.rustregex import Pattern, PatternError
from kumolog.api.rustregex.syntax import Translation, translate
from kumolog.errors import KumologError
from kumolog.files import FILES, Files
from kumolog.luavalue import quoted

_PARSERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {".toml": tomllib.loads, ".json": msgspec.json.decode}
)
_UNREADABLE = (tomllib.TOMLDecodeError, msgspec.MsgspecError, RecursionError)


class Rule(NamedTuple):
    """A class and the one pattern that all its patterns in a file make."""

    name: str
    pattern: Pattern


class BounceRules:
    """The classes of the files, in the order in which they are tried."""

    def __init__(self, files: Sequence[str], source: Files = FILES) -> None:
        """Raises KumologError that names the file, and the class where one is wrong."""
        self._rules = [rule for file in files for rule in _load(file, source)]

    def find(self, text: str) -> str | None:
        """The first class with a pattern that matches somewhere in ``text``."""
        for name, pattern in self._rules:
            try:
                if pattern.search(text) is not None:
                    return name
            except KumologError as error:
                raise KumologError(f"classifying {text!r:.200} as {name}: {error}") from None
        return None


class RememberedRules:
    """Rules with what they gave for the texts seen last.

    ``cache_size`` texts that have a class are remembered, and ``uncategorized_cache_size`` others.
    ``epoch`` is a number that changes when the files have to be read anew; files that are then
    wrong are reported, and the rules stay as they were. ``source`` is where they are.
    """

    def __init__(
        self,
        files: Sequence[str],
        cache_size: int,
        uncategorized_cache_size: int,
        epoch: Callable[[], int],
        complain: Callable[[str], None],
        source: Files = FILES,
    ) -> None:
        self._files, self._source = files, source
        self._sizes = cache_size, uncategorized_cache_size
        self._epoch, self._complain = epoch, complain
        self._load()

    def find(self, text: str) -> str | None:
        """As `BounceRules.find`."""
        if self._epoch() != self._loaded_in:
            self._reload()
        known = self._classes.get(text)
        if known is not None:
            return known
        if self._uncategorized.get(text):
            return None
        found = self._rules.find(text)
        if found is None:
            self._uncategorized.put(text, True)
        else:
            self._classes.put(text, found)
        return found

    def _load(self) -> None:
        self._loaded_in = self._epoch()
        self._rules = BounceRules(self._files, self._source)
        self._classes, self._uncategorized = Lru[str](self._sizes[0]), Lru[bool](self._sizes[1])

    def _reload(self) -> None:
        try:
            self._load()
        except KumologError as error:
            self._complain(f"the bounce rules stay as they were: {error}")


def _load(file: str, files: Files) -> Iterator[Rule]:
    parse = _PARSERS.get(PurePath(file).suffix)
    if parse is None:
        raise KumologError(
            f"loading bounce rules from {file}: the name of a file of rules ends in "
            f"{' or '.join(_PARSERS)}"
        )
    source = files.read_text(file)
    try:
        content = parse(source)
    except _UNREADABLE as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise KumologError(f"loading bounce rules from {file}: {reason}") from None
    rules = content.get("rules") if isinstance(content, dict) else None
    if not isinstance(rules, dict):
        raise KumologError(
            f"loading bounce rules from {file}: it needs a table `rules` of classes and patterns"
        )
    for name, patterns in rules.items():
        try:
            wanted = msgspec.convert(patterns, list[str])
            if wanted:
                yield Rule(name, _joined(name, wanted))
        except (msgspec.ValidationError, PatternError) as error:
            raise KumologError(f"loading bounce rules from {file}: class {name}: {error}") from None


def _joined(name: str, sources: Sequence[str]) -> Pattern:
    """One pattern for a class: which of its own matches makes no difference.

    They are joined as written anew, so that no flag, comment or group name of one reaches another.
    """
    texts = []
    for source in sources:
        try:
            texts.append(f"(?:{translate(source, plain=True).text})")
        except PatternError as error:
            raise PatternError(f"pattern {quoted(source)}: {error}") from None
    try:
        return Pattern(f"a pattern of {name}", Translation("|".join(texts), 0, {}))
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternError(f"compiling its patterns: {error}") from None
