"""The part of `kumo.http` that talks to nobody.

ada, which parses the URLs, follows the WHATWG URL standard, as KumoMTA does.
"""

from __future__ import annotations

from urllib.parse import urlencode

from ada_url import URL

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue


def build_url(_registry: Registry, _place: str, *arguments: LuaValue) -> str:
    """A URL with parameters added to its query, in the order in which Lua lists them."""
    base, params = check_call("kumo.http.build_url", arguments)
    try:
        url = URL(base)
    except ValueError:
        raise KumologError(f"kumo.http.build_url: {base!r} is no absolute URL") from None
    added = urlencode(params, safe="*").replace("~", "%7E")
    url.search = "&".join(part for part in (url.search[1:], added) if part)
    return str(url.href)
