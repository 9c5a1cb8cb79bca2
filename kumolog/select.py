"""Which meta values and headers a logger puts into its records, decided once at load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

_ABSENT: Final = object()


class MetaSelector:
    """The ``meta`` list of a logger (KumoMTA: configure_local_logs).

    Names are case sensitive; a trailing ``*`` makes a name a prefix (``*`` alone: everything). A
    ``*`` elsewhere is literal. False when the list is empty.
    """

    __slots__ = ("_names", "_prefixes")

    def __init__(self, names: Iterable[str]) -> None:
        listed = tuple(dict.fromkeys(names))
        self._names = tuple(name for name in listed if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in listed if name.endswith("*"))

    def __bool__(self) -> bool:
        return bool(self._names or self._prefixes)

    def select(self, meta: Mapping[str, Any], derived: Callable[[str], Any]) -> dict[str, Any]:
        """Pick the listed values, in the order of the list, then those found by prefix.

        ``derived(name)`` gives the value of a listed name that ``meta`` lacks, None if there is
        none. Nulls are left out, except where a prefix selects them. Values are shared, not copied.
        """
        selected: dict[str, Any] = {}
        for name in self._names:
            value = meta.get(name, _ABSENT)
            if value is _ABSENT:
                value = derived(name)
            if value is not None:
                selected[name] = value
        if self._prefixes:
            prefixes = self._prefixes
            selected.update({name: meta[name] for name in meta if name.startswith(prefixes)})
        return selected


class HeaderSelector:
    """The ``headers`` list of a logger (KumoMTA: configure_local_logs).

    Names compare case-insensitively; a trailing ``*`` makes a name a prefix (``*`` alone: every
    header). A ``*`` elsewhere is literal. False when the list is empty: then no record needs its
    message looked at.
    """

    __slots__ = ("_names", "_patterns")

    def __init__(self, patterns: Iterable[str]) -> None:
        listed = tuple(dict.fromkeys(pattern.lower() for pattern in patterns))
        self._patterns = tuple((name.removesuffix("*"), name.endswith("*")) for name in listed)
        # None where a prefix is listed, and headers have to be taken out of the pool one by one.
        self._names = None if any(is_prefix for _, is_prefix in self._patterns) else listed

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def select(self, headers: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
        """Pick the listed headers under lower-cased names, in the order of the list.

        ``headers`` may spell its names in any case; spellings of one name are joined in order. Each
        header goes to the first entry that selects it. Values are shared, not copied.
        """
        if not self._patterns or not headers:
            return {}
        spellings = "\n".join(headers)
        groups = headers if spellings == spellings.lower() else _regroup(headers)
        if self._names is None:
            return self._select_patterns(dict(groups))
        return {name: groups[name] for name in self._names if name in groups}

    def _select_patterns(self, pool: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        selected: dict[str, str | list[str]] = {}
        for text, is_prefix in self._patterns:
            if is_prefix:
                for name in [name for name in pool if name.startswith(text)]:
                    selected[name] = pool.pop(name)
            elif text in pool:
                selected[text] = pool.pop(text)
        return selected


def _regroup(headers: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    spellings: dict[str, list[str | list[str]]] = {}
    for spelling, value in headers.items():
        spellings.setdefault(spelling.lower(), []).append(value)
    return {name: _joined(values) for name, values in spellings.items()}


def _joined(values: list[str | list[str]]) -> str | list[str]:
    if len(values) == 1:
        return values[0]
    return [text for value in values for text in (value if isinstance(value, list) else (value,))]
