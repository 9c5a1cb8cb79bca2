"""Which meta values and headers a logger puts into its records, decided once at load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from kumolog.event import Wanted
from kumolog.record import Outline, Record

V = TypeVar("V")
_Plan = tuple[tuple[str, str], ...]
"""The names to take something under, each with the name that it has."""
_ABSENT: Final = object()
_ALL: Final[_Plan] = (("*", "*"),)
_MOST_PLANS: Final = 256
_LONGEST_PLAN: Final = 2000  # characters of all names


class MetaSelector:
    """The ``meta`` list of a logger (KumoMTA: configure_local_logs).

    Names are case sensitive; a trailing ``*`` makes a name a prefix (``*`` alone: everything). A
    ``*`` elsewhere is literal. False when the list is empty. ``derivable`` are the names for which
    ``derived`` may have a value.
    """

    __slots__ = ("_derivable", "_names", "_plans", "_prefixes")

    def __init__(self, names: Iterable[str], derivable: Iterable[str] = ()) -> None:
        listed = tuple(dict.fromkeys(names))
        self._derivable = frozenset(derivable)
        self._names = tuple(name for name in listed if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in listed if name.endswith("*"))
        self._plans = _Plans(self._planned, drops_nulls=bool(self._names))

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

    def select_each(
        self, records: Sequence[Record | Outline], derived: Callable[[Record | Outline, str], Any]
    ) -> list[dict[str, Any]]:
        """As `select` for the meta of each record; the very meta where all of it is selected."""

        def select(record: Record | Outline) -> dict[str, Any]:
            return self.select(record.meta, partial(derived, record))

        return self._plans.apply(records, [record.meta for record in records], select)

    def wanted(self, meta: Mapping[str, Any]) -> Wanted | None:
        """What to take of each meta that has the same names; None where these do not tell."""
        return self._plans.wanted(tuple(meta))

    def _planned(self, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
        absent: list[str] = []
        selected = self.select(names, absent.append)
        return selected if self._derivable.isdisjoint(absent) else None


class HeaderSelector:
    """The ``headers`` list of a logger (KumoMTA: configure_local_logs).

    Names compare case-insensitively; a trailing ``*`` makes a name a prefix (``*`` alone: every
    header). A ``*`` elsewhere is literal. False when the list is empty: then no record needs its
    message looked at.
    """

    __slots__ = ("_names", "_patterns", "_plans")

    def __init__(self, patterns: Iterable[str]) -> None:
        listed = tuple(dict.fromkeys(pattern.lower() for pattern in patterns))
        self._patterns = tuple((name.removesuffix("*"), name.endswith("*")) for name in listed)
        # None where a prefix is listed, and headers have to be taken out of the pool one by one.
        self._names = None if any(is_prefix for _, is_prefix in self._patterns) else listed
        self._plans = _Plans(self.select, drops_nulls=False)

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

    def select_each(self, records: Sequence[Record | Outline]) -> list[dict[str, str | list[str]]]:
        """As `select` for the headers of each record; the very headers where these are all."""

        def select(record: Record | Outline) -> dict[str, str | list[str]]:
            return self.select(record.headers)

        return self._plans.apply(records, [record.headers for record in records], select)

    def wanted(self, headers: Mapping[str, Any]) -> Wanted | None:
        """What to take of all headers that have the same names; None where these do not tell."""
        return self._plans.wanted(tuple(headers))

    def _select_patterns(self, pool: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        selected: dict[str, str | list[str]] = {}
        for text, is_prefix in self._patterns:
            if is_prefix:
                for name in [name for name in pool if name.startswith(text)]:
                    selected[name] = pool.pop(name)
            elif text in pool:
                selected[text] = pool.pop(text)
        return selected


class _Plans:
    """Selects from many mappings, deciding once what to take of all that have the same names.

    ``select`` is the selector, which is shown names that stand for their own values; it gives None
    where the names alone do not tell. ``drops_nulls``: it leaves out some values that are null.
    """

    __slots__ = ("_drops_nulls", "_plans", "_select")

    def __init__(
        self,
        select: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
        *,
        drops_nulls: bool,
    ) -> None:
        self._select = select
        self._drops_nulls = drops_nulls
        self._plans: dict[tuple[str, ...], _Plan | None] = {}

    def apply(
        self,
        records: Sequence[Record | Outline],
        mappings: Sequence[dict[str, V]],
        select: Callable[[Record | Outline], dict[str, V]],
    ) -> list[dict[str, V]]:
        """What is taken of each record's mapping: itself if that is all of it.

        ``select`` tells it for a record whose names do not.
        """
        places: dict[tuple[str, ...], list[int]] = {}
        for n, keys in enumerate(map(tuple, mappings)):
            places.setdefault(keys, []).append(n)
        taken = list(mappings)
        for keys, some in places.items():
            plan = self._plan(keys)
            if plan is _ALL:
                continue
            may_be_all = plan is None or len(plan) == len(keys)
            for n in some:
                made = None if plan is None else {to: mappings[n][name] for to, name in plan}
                if made is None or None in made.values():
                    made = select(records[n])
                # What is selected whole stays in the order that it has.
                if not may_be_all or made != mappings[n]:
                    taken[n] = made
        return taken

    def wanted(self, keys: tuple[str, ...]) -> Wanted | None:
        """What to take of a mapping with these keys; None where they do not tell."""
        plan = self._plan(keys)
        whole = tuple(zip(keys, keys, strict=True))
        # What is selected whole stays in the order that it has.
        if plan is _ALL or (plan is not None and sorted(plan) == sorted(whole)):
            plan = whole
        return None if plan is None else Wanted(keys, plan, self._drops_nulls)

    def _plan(self, keys: tuple[str, ...]) -> _Plan | None:
        """What to take of a mapping with these keys."""
        if keys in self._plans:
            return self._plans[keys]
        selected = self._select(dict(zip(keys, keys, strict=True)))
        # What spellings of one header are joined to is no name.
        if selected is None or not all(type(name) is str for name in selected.values()):
            plan = None
        elif not self._drops_nulls and selected == dict(zip(keys, keys, strict=True)):
            plan = _ALL
        else:
            plan = tuple(selected.items())
        if len("".join(keys)) <= _LONGEST_PLAN:
            if len(self._plans) == _MOST_PLANS:
                self._plans.clear()
            self._plans[keys] = plan
        return plan


def _regroup(headers: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    spellings: dict[str, list[str | list[str]]] = {}
    for spelling, value in headers.items():
        spellings.setdefault(spelling.lower(), []).append(value)
    return {name: _joined(values) for name, values in spellings.items()}


def _joined(values: list[str | list[str]]) -> str | list[str]:
    if len(values) == 1:
        return values[0]
    return [text for value in values for text in (value if isinstance(value, list) else (value,))]
