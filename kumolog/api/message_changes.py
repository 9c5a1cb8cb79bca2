"""The message methods that change a message, and those that schedule or save it.

Each takes the message and neutral Lua values, of which there may be too many, and gives the changed
message (the same one where nothing changes) and what the policy gets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from os import uname
from typing import Any, Final

from kumolog.api.calls import ArgumentError, check_call
from kumolog.api.params import type_of
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue, from_json, type_name, with_nulls
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.mail.importing import ImportSpec
from kumolog.mail.importing import import_headers as imported_headers
from kumolog.mail.rewriting import encoded_header_field, header_field
from kumolog.message import Message
from kumolog.message_methods import header_name
from kumolog.params import check
from kumolog.params.arguments import boolean, data, method, text
from kumolog.timeparse import Instant

Change = tuple[Message, Any]

_ALL_X: Final = "X-*"
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999


# Headers ----------------------------------------------------------------------------------------


def prepend_header(message: Message, *arguments: LuaValue) -> Change:
    """Puts a header before all others."""
    return message.with_field_first(_field("prepend_header", *arguments)), None


def append_header(message: Message, *arguments: LuaValue) -> Change:
    """Puts a header behind all others."""
    return message.with_field_last(_field("append_header", *arguments)), None


def _field(
    call: str,
    name: LuaValue = None,
    value: LuaValue = None,
    encode: LuaValue = None,
    *_: LuaValue,
) -> bytes:
    place = partial(method, name=f"Message.{call}")
    if boolean(encode):
        return encoded_header_field(text(name, place(1)), text(value, place(2)))
    return header_field(text(name, place(1)), data(value, place(2)))


def remove_all_named_headers(message: Message, name: LuaValue = None, *_: LuaValue) -> Change:
    """Takes out the headers of a name."""
    return message.without_headers(header_name(name).lower().__eq__), None


def remove_x_headers(message: Message, *arguments: LuaValue) -> Change:
    """Takes out the headers of some names, without any those that begin with ``X-``."""
    (names,) = check_call("message:remove_x_headers", arguments)
    if not names:
        return message.without_headers(lambda name: name.startswith("x-")), None
    return message.without_headers(frozenset(map(str.lower, names)).__contains__), None


def import_x_headers(message: Message, *arguments: LuaValue) -> Change:
    """Puts headers into meta; without names those that begin with ``X-``."""
    (names,) = check_call("message:import_x_headers", arguments)
    return _imported(message, [ImportSpec(name) for name in names or (_ALL_X,)]), None


def import_headers(message: Message, *arguments: LuaValue) -> Change:
    """Puts headers into meta as tables of their names, forms and keys say."""
    (specs,) = check_call("message:import_headers", arguments)
    return _imported(message, [ImportSpec(**spec) for spec in specs]), None


def _imported(message: Message, specs: Sequence[ImportSpec]) -> Message:
    found = imported_headers(message.headers, specs)
    if found.removed:
        message = message.without_headers(found.removed.__contains__)
    return message.with_meta(found.values) if found.values else message


# The envelope and the data ----------------------------------------------------------------------


def set_sender(message: Message, *arguments: LuaValue) -> Change:
    """Takes an address as text."""
    (address,) = _addresses("message:set_sender", arguments)
    return message.with_sender(address.email), None


def set_recipient(message: Message, *arguments: LuaValue) -> Change:
    """Takes an address as text, or a list of them."""
    (given,) = _addresses("message:set_recipient", arguments)
    addresses = [given] if isinstance(given, EnvelopeAddress) else given
    return message.with_recipients([address.email for address in addresses]), None


def _addresses(name: str, arguments: tuple[LuaValue, ...]) -> list[Any]:
    try:
        return check_call(name, arguments)
    except ArgumentError as error:
        if "userdata" in map(type_name, arguments):
            raise KumologError(f"{error}: give the text, as in tostring(address)") from None
        raise


def increment_num_attempts(message: Message, *_: LuaValue) -> Change:
    """Counts one more delivery attempt."""
    return message.with_one_more_attempt(), None


def set_data(message: Message, content: LuaValue = None, *_: LuaValue) -> Change:
    """Takes the bytes of the whole message."""
    return message.with_data(data(content, method(1, "Message.set_data"))), None


def append_text_plain(message: Message, *arguments: LuaValue) -> Change:
    """Puts a text behind that of the first text/plain part; whether there is one."""
    return _with_text(message, "text/plain", "append_text_plain", *arguments)


def append_text_html(message: Message, *arguments: LuaValue) -> Change:
    """Puts a text at the end of the body of the first text/html part; whether there is one."""
    return _with_text(message, "text/html", "append_text_html", *arguments)


def _with_text(
    message: Message, kind: str, call: str, added: LuaValue = None, *_: LuaValue
) -> Change:
    from kumolog.mail.body_rewriting import append_text

    given = text(added, method(1, f"Message.{call}"))
    if not message.is_whole:
        return message, False
    changed = append_text(message.data or b"", kind, given)
    return (message, False) if changed is None else (message.with_data(changed), True)


def check_fix_conformance(message: Message, *arguments: LuaValue) -> Change:
    """Takes defects to check for and to fix; the text names those found that are not fixed.

    Nothing is known of the message of an event that does not bring it: that has no defects.
    """
    from kumolog.mail.conformance import Repairs, conform, likely_charsets

    checks, fixes, settings = check_call("message:check_fix_conformance", arguments)
    if not message.is_whole:
        return message, None
    chosen = settings or {"message_id": None, "detect_encoding": False}
    charsets: list[str] = []
    if chosen["detect_encoding"]:
        charsets = likely_charsets(chosen["include_encodings"], chosen["exclude_encodings"])
    created = datetime.fromtimestamp(min(max(message.record.created, 0), _LAST_SECOND), UTC)
    repairs = Repairs(
        format_datetime(created), _message_id(message, chosen["message_id"]), charsets
    )
    before = message.data or b""
    after, problem = conform(before, checks, fixes, repairs)
    return (message if after == before else message.with_data(after)), problem


def _message_id(message: Message, given: str | None) -> str:
    if given is not None:
        return given if given.startswith("<") else f"<{given}>"
    domain = message.record.sender.rpartition("@")[2] or uname().nodename
    return f"<{message.record.id}@{domain}>"


# Scheduling and the spool -----------------------------------------------------------------------


def set_due(message: Message, *arguments: LuaValue) -> Change:
    """When to send, as it would be: nothing is sent here."""
    (due,) = check_call("message:set_due", arguments)
    return message, None if due is None else _utc(due)


def _utc(due: Instant) -> str:
    try:
        seconds = datetime.fromtimestamp(due.seconds, UTC).isoformat().removesuffix("+00:00")
    except ValueError as error:
        raise KumologError(f"setting when a message is due: {error} in UTC") from None
    fraction = f".{min(due.nanos, 999_999_999):09}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{seconds}{fraction.rstrip('.')}Z"


def set_scheduling(message: Message, *arguments: LuaValue) -> Change:
    """When it may be sent, as it would be."""
    (scheduling,) = check_call("message:set_scheduling", arguments)
    return message, None if scheduling is None else _shown(scheduling, arguments[0])


def import_scheduling_header(message: Message, *arguments: LuaValue) -> Change:
    """When it may be sent, out of a header that holds this as JSON; None without the header."""
    name, remove = check_call("message:import_scheduling_header", arguments)
    values = message.header_values(name)
    if not values:
        return message, None
    try:
        given = from_json(json.loads(values[0]))
    except (ValueError, RecursionError) as error:
        raise KumologError(
            f"importing the scheduling out of the header {name!r:.60}: not valid JSON: {error}"
        ) from None
    scheduling = _shown(check(type_of("struct:Scheduling"), given, "raw"), given)
    return message.without_headers(name.lower().__eq__) if remove else message, scheduling


def _shown(scheduling: dict[str, Any], given: LuaValue) -> Any:
    """KumoMTA: of a restriction all parts are there or none; other values may be null."""
    texts = dict(given.items) if isinstance(given, LuaTable) else {}
    shown = {
        name: _SHOWN[name](value, texts[name])
        for name, value in scheduling.items()
        if value is not None
    }
    return with_nulls({"first_attempt": None, "expires": None} | shown)


def _with_offset(_: Instant, text: Any) -> str:
    """RFC 3339 text in the offset that it was given in."""
    return f"{text[:10]}T{text[11:].upper()}".replace("+00:00", "Z")


_SHOWN: Final[dict[str, Callable[[Any, Any], str]]] = {
    "dow": lambda days, _: ",".join(days),
    "tz": lambda zone, _: str(zone),
    "start": lambda start, _: str(start),
    "end": lambda end, _: str(end),
    "first_attempt": _with_offset,
    "expires": _with_offset,
}


def shrink(message: Message, *_: LuaValue) -> Change:
    """Whether memory was given back."""
    return message, False


def shrink_data(message: Message, *_: LuaValue) -> Change:
    """Whether memory was given back."""
    return message, False
