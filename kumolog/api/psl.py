"""`kumo.string.psl_domain` and `psl_suffix`: domains by the public suffix list.

The list comes with the package ``publicsuffixlist``. Rules for names under private owners count,
and an unknown top-level domain is a suffix of its own.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from publicsuffixlist import PSLFILE, PublicSuffixList

from kumolog.api.registry import Registry
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import text


def psl_domain(
    _registry: Registry, _place: str, domain: LuaValue = None, *_: LuaValue
) -> str | None:
    """The domain that was registered; None for a domain that is a suffix itself."""
    name = text(domain, 1)
    return _list_for(name).privatesuffix(name, keep_case=True)


def psl_suffix(
    _registry: Registry, _place: str, domain: LuaValue = None, *_: LuaValue
) -> str | None:
    """The public suffix of a domain."""
    name = text(domain, 1)
    return _list_for(name).publicsuffix(name, keep_case=True)


def _list_for(domain: str) -> PublicSuffixList:
    top = _top(domain.removesuffix("."))
    return _list(top if _rules(top) else "")


@cache
def _list(top: str) -> PublicSuffixList:
    """The list of one top-level domain: of all ten thousand rules it takes long to make one."""
    return PublicSuffixList(_rules(top))


@lru_cache(maxsize=1024)
def _rules(top: str) -> tuple[str, ...]:
    """The rules under a top-level domain; none for one that is unknown."""
    is_idn = top.startswith("xn--")  # rules are not written so
    near = (line for line in _lines() if line.endswith(top) or (is_idn and not line.isascii()))
    return tuple(line for line in near if line and line[:2] != "//" and _top(line) == top)


@cache
def _lines() -> list[str]:
    return Path(PSLFILE).read_text("utf-8").splitlines()


def _top(name: str) -> str:
    """The top-level domain as it reads in the DNS (RFC 3492)."""
    label = name.rpartition(".")[2].lower()
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
