"""Headers as meta values: which ones, in which form, under which keys (KumoMTA: import_headers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from kumolog.errors import KumologError
from kumolog.mail.headers import Header


class ImportSpec(NamedTuple):
    """What to do with the headers of a name, or of a prefix where ``name`` ends with ``*``.

    ``match`` is first, last or all; ``transform`` names the naming of the key, unless ``target`` is
    the key; ``remove`` takes the headers out of the message.
    """

    name: str
    match: str = "last"
    transform: str = "snake_case"
    target: str | None = None
    remove: bool = False

    def checked(self) -> ImportSpec:
        """The spec itself; raises KumologError where it says nothing, or too much for one key."""
        if self.name in ("", "*"):
            raise KumologError(
                f"importing headers: the name {self.name!r} would be every header: name one, or "
                'begin it as in "X-*"'
            )
        if self.target is not None and self.name.endswith("*"):
            raise KumologError(
                f"importing headers: {self.name!r} may be several headers, which cannot all have "
                f"the target {self.target!r}"
            )
        return self

    def takes(self, name: str) -> bool:
        """Whether this is about headers of a name, which is in lower case."""
        wanted = self.name.lower()
        return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


class Imported(NamedTuple):
    """The meta values by key, and the names in lower case of the headers to take out."""

    values: dict[str, str | list[str]]
    removed: frozenset[str]


def import_headers(headers: Iterable[Header], specs: Sequence[ImportSpec]) -> Imported:
    """Find what the specs ask for; the first spec that takes a header has it.

    Raises HeaderError where a value to be imported is not UTF-8, KumologError for a wrong spec.
    """
    specs = [spec.checked() for spec in specs]
    owners: dict[str, ImportSpec | None] = {}
    found: dict[tuple[ImportSpec, str], list[Header]] = {}
    for header in headers:
        name = header.name.lower()
        if name not in owners:
            owners[name] = next((spec for spec in specs if spec.takes(name)), None)
        spec = owners[name]
        if spec is not None:
            key = key_name(name, spec.transform) if spec.target is None else spec.target
            found.setdefault((spec, key), []).append(header)
    values = {key: _MATCHES[spec.match](group) for (spec, key), group in found.items()}
    removed = frozenset(name for name, spec in owners.items() if spec is not None and spec.remove)
    return Imported(values, removed)


def key_name(name: str, transform: str) -> str:
    """The key for a header's name: ``x_foo_id``, ``x-foo-id``, ``xFooId`` or ``XFooId``."""
    return _TRANSFORMS[transform](name.lower())


def _camel_case(name: str) -> str:
    pascal = _pascal_case(name)
    return pascal[:1].lower() + pascal[1:]


def _pascal_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.replace("_", "-").split("-"))


_TRANSFORMS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "snake_case": lambda name: name.replace("-", "_"),
        "kebab_case": lambda name: name.replace("_", "-"),
        "camel_case": _camel_case,
        "pascal_case": _pascal_case,
    }
)
_MATCHES: Final[Mapping[str, Callable[[list[Header]], str | list[str]]]] = MappingProxyType(
    {
        "first": lambda headers: headers[0].decoded(),
        "last": lambda headers: headers[-1].decoded(),
        "all": lambda headers: [header.decoded() for header in headers],
    }
)
