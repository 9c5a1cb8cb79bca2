"""`kumo.string.psl_domain` and `psl_suffix`: domains by the public suffix list.

The list comes with the package ``publicsuffixlist``. Rules for names under private owners count,
and an unknown top-level domain is a suffix of its own.
"""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList

from kumolog.api.registry import Registry
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import text


def psl_domain(
    _registry: Registry, _place: str, domain: LuaValue = None, *_: LuaValue
) -> str | None:
    """The domain that was registered; None for a domain that is a suffix itself."""
    return _list().privatesuffix(text(domain, 1), keep_case=True)


def psl_suffix(
    _registry: Registry, _place: str, domain: LuaValue = None, *_: LuaValue
) -> str | None:
    """The public suffix of a domain."""
    return _list().publicsuffix(text(domain, 1), keep_case=True)


@cache
def _list() -> PublicSuffixList:
    """The list, which takes a quarter of a second to read."""
    return PublicSuffixList()
