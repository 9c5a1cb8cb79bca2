"""Mail as events: each message of mailboxes becomes a Reception.

The standard library's mailbox module is not used: it opens an mbox for writing, reads all of it
before the first message, and leaves ``>From`` as it is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from kumolog.errors import KumologError
from kumolog.lines import Lines
from kumolog.mail.addresses import AddressError, EnvelopeAddress
from kumolog.mail.headers import header_block_end
from kumolog.segments.reader import Decoded, open_decoded
from kumolog.sources.lines import Block, Refused
from kumolog.sources.mailboxes import Mailbox, find_mailboxes
from kumolog.sources.mbox import Found, MailFile, OneMessage, Splitter
from kumolog.sources.paths import Input, display_name, readable
from kumolog.sources.stop import Stop

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of a message above which it is refused."""

_ENVELOPE: Final = re.compile(
    rb"\n(return-path|delivered-to|x-original-to)[ \t]*:([^\n]*+(?:\n[ \t][^\n]*+)*)", re.IGNORECASE
)
_RECIPIENT: Final = (b"delivered-to", b"x-original-to")
_PATH: Final = re.compile(rb"<([^<>]*)>")


class Mail:
    """The messages of mailboxes, in order, as blocks of one event each; iterate it once.

    Nothing in the mailboxes is changed or locked. What cannot be read is Refused, and the others go
    on. Once ``stop`` is set, no further message is given out. Files may be compressed (zstd, gzip).
    """

    def __init__(self, mailboxes: Sequence[Mailbox], stop: Stop, max_message: int) -> None:
        self._mailboxes = mailboxes
        self._stop = stop
        self._max_message = max_message
        self._done = 0
        self._current: Decoded | None = None
        sizes = [mailbox.size for mailbox in mailboxes if mailbox.size is not None]
        self.total = sum(sizes) if len(sizes) == len(mailboxes) else None
        """Bytes of all mailboxes as they are stored, or None where one has no known size."""

    @property
    def consumed(self) -> int:
        """Bytes read so far, as they are stored."""
        return self._done + (self._current.consumed if self._current else 0)

    def __iter__(self) -> Iterator[Block | Refused]:
        for mailbox in self._mailboxes:
            for entry in mailbox.files():
                if self._stop.is_set():
                    return
                yield from self._file(mailbox, entry)
                self._done, self._current = self.consumed, None

    def _file(self, mailbox: Mailbox, entry: Input) -> Iterator[Block | Refused]:
        try:
            entry, file = _open(mailbox, entry)
            with file:
                self._current = open_decoded(readable(file, self._stop), entry.name)
                yield from self._messages(self._current, mailbox.is_maildir)
        except OSError as error:
            yield Refused(entry.name, 1, f"reading it failed: {error.strerror}")

    def _messages(self, decoded: Decoded, in_maildir: bool) -> Iterator[Block | Refused]:
        limit = self._max_message
        splitter: Splitter = OneMessage(limit) if in_maildir else MailFile(limit)
        try:
            for found in _found(decoded, splitter, self._stop):
                yield self._event(decoded.name, found)
                if self._stop.is_set():
                    return
        except KumologError as error:
            yield Refused(decoded.name, splitter.line, str(error))

    def _event(self, source: str, found: Found) -> Block | Refused:
        if found.data is None:
            error = f"the message is larger than {self._max_message} bytes"
            return Refused(source, found.line, error)
        if not found.data:
            return Refused(source, found.line, "the message is empty")
        return Block(source, Lines.of([_reception(found.data, found.sender)]), [found.line])


def open_mail(
    paths: Sequence[str],
    *,
    report: Callable[[str], None],
    stop: Stop,
    max_message: int = MAX_MESSAGE,
    leave_out: str | None = None,
) -> Mail:
    """Make ready to read ``paths``: Maildirs, directories, mbox files, messages, ``-`` for stdin.

    ``report`` is called with a message for a directory without mail; ``leave_out`` is a file not to
    read. Raises KumologError for a path that is missing or not readable, before anything is read.
    """
    mailboxes = []
    for path in paths:
        found = find_mailboxes(path, leave_out)
        if not found:
            report(f"reading {display_name(path)}: there is no mail in it")
        mailboxes += found
    return Mail(mailboxes, stop, max_message)


def _open(mailbox: Mailbox, entry: Input) -> tuple[Input, io.FileIO]:
    try:
        return entry, entry.open()
    except FileNotFoundError:
        moved = mailbox.moved(entry.path)
        if moved is None:
            raise
        return moved, moved.open()


def _found(decoded: Decoded, splitter: Splitter, stop: Stop) -> Iterator[Found]:
    """The messages of one file; raises KumologError where it cannot be read to its end."""
    for data in decoded:
        yield from splitter.feed(data)
        if stop.is_set():
            return
    if stop.is_set():
        return
    if decoded.torn:
        raise KumologError("the file ends inside a compressed frame, and so does the message")
    yield from splitter.finish()


def _reception(data: bytes, sender: bytes | None) -> bytes:
    """The event for a message; ``sender`` is what the mailbox knows beside the message.

    Each of the header fields is taken where it comes first: that is the last delivery.
    """
    envelope: dict[bytes, bytes] = {}
    for name, value in _ENVELOPE.findall(b"\n" + data[: header_block_end(data)]):
        envelope.setdefault(name.lower(), value)
    recipient = (envelope.get(name, b"") for name in _RECIPIENT)
    event = {
        "type": "Reception",
        "sender": _address(envelope.get(b"return-path", sender or b"")),
        "recipient": next(filter(None, map(_address, recipient)), ""),
        "data_base64": data,  # encoded by msgspec
    }
    return msgspec.json.encode(event)


def _address(value: bytes) -> str:
    """The address in a path; empty for what is none: ``MAILER-DAEMON``, ``unknown``, a login."""
    path = _PATH.search(value)
    text = b" ".join((path[1] if path else value).split()).decode(errors="replace")
    try:
        return EnvelopeAddress.parse(text).email
    except AddressError:
        return ""
