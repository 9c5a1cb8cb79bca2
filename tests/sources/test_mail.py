from __future__ import annotations

import base64
import gzip
import json
import mailbox
import os
import stat
import tracemalloc
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.sources.lines import Block, Refused
from kumolog.sources.mail import MAX_MESSAGE, Mail, open_mail
from kumolog.sources.mbox import Mbox
from kumolog.sources.stop import Stop

FROM = b"From ada@post.example Mon Mar  2 09:00:00 2026\n"
LARGE = 100_000


@pytest.fixture
def stop() -> Iterator[Stop]:
    with Stop() as stop:
        yield stop


@pytest.fixture
def read(stop: Stop) -> Any:
    """Reads paths, or the bytes of one file; gives the events of their messages."""

    def read(*paths: Path, **options: Any) -> list[dict[str, Any]]:
        return events(opened(stop, *paths, **options))

    return read


def opened(stop: Stop, *paths: Path, report: Any = None, **options: Any) -> Mail:
    return open_mail(list(map(str, paths)), report=report or pytest.fail, stop=stop, **options)


def event(piece: Block | Refused) -> dict[str, Any]:
    """An event, or what was refused, with where it came from; the message as ``data``."""
    if isinstance(piece, Refused):
        return {"source": piece.source, "line": piece.line, "error": piece.error}
    (line,) = piece.lines
    decoded: dict[str, Any] = json.loads(line)
    assert decoded.pop("type") == "Reception"
    data = base64.b64decode(decoded.pop("data_base64"))
    return decoded | {"source": piece.source, "line": piece.first_line, "data": data}


def events(mail: Mail) -> list[dict[str, Any]]:
    return [event(piece) for piece in mail]


def texts(found: list[dict[str, Any]]) -> list[bytes]:
    return [entry["data"] for entry in found]


def cut(data: bytes, *, pieces: int = 1 << 20, limit: int = MAX_MESSAGE) -> list[bytes | None]:
    """The messages of an mbox that comes in pieces of so many bytes."""
    splitter = Mbox(limit)
    found = [
        message.data
        for start in range(0, len(data), pieces)
        for message in splitter.feed(data[start : start + pieces])
    ]
    return found + [message.data for message in splitter.finish()]


def maildir(path: Path, **messages: bytes) -> Path:
    """A Maildir; the names of messages begin with the folder: ``new_1``."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True, exist_ok=True)
    for name, data in messages.items():
        folder, _, own = name.partition("_")
        (path / folder / own).write_bytes(data)
    return path


# The envelope -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "sender", "recipient"),
    [
        (
            b"Return-Path: <a@b.example>\r\nDelivered-To: c@d.example\r\n",
            "a@b.example",
            "c@d.example",
        ),
        (b"return-path:a@b.example\nX-ORIGINAL-TO : <c@d.example>\n", "a@b.example", "c@d.example"),
        (b"X-Original-To: x@d.example\nDelivered-To: c@d.example\n", "", "c@d.example"),
        (b"Delivered-To: last@d.example\nDelivered-To: first@d.example\n", "", "last@d.example"),
        (b"Return-Path: <>\nTo: c@d.example\n", "", ""),
        (b"Return-Path: <MAILER-DAEMON>\nDelivered-To: ada\n", "", ""),
        (b"Delivered-To: unknown\nX-Original-To: x@d.example\n", "", "x@d.example"),
        (b"Delivered-To:\nX-Original-To: <x@D.Example>\n", "", "x@d.example"),
        (b'Return-Path: <"a b"@c.example>\n', '"a b"@c.example', ""),
        (b"Return-Path:\n <a@b.example>\n (a comment)\n", "a@b.example", ""),
        (b"Return-Path: <\xe9@b.example>\n", "\N{REPLACEMENT CHARACTER}@b.example", ""),
        (b"Subject: x\n\nReturn-Path: <body@b.example>\n", "", ""),
        (b"X-Return-Path: <no@b.example>\n", "", ""),
    ],
)
def test_the_envelope_is_taken_from_what_the_delivery_left(
    tmp_path: Path, read: Any, headers: bytes, sender: str, recipient: str
) -> None:
    path = tmp_path / "message.eml"
    path.write_bytes(headers + b"\nHello.\n")
    (found,) = read(path)
    assert found == {
        "sender": sender,
        "recipient": recipient,
        "source": str(path),
        "line": 1,
        "data": headers + b"\nHello.\n",
    }


@pytest.mark.parametrize(
    ("line", "headers", "sender"),
    [
        (FROM, b"Subject: x\n", "ada@post.example"),
        (FROM, b"Return-Path: <bob@post.example>\n", "bob@post.example"),
        (FROM, b"Return-Path: <>\n", ""),
        (b"From MAILER-DAEMON Mon Mar  2 09:00:00 2026\r\n", b"Subject: x\r\n", ""),
        (b"From - Mon Mar  2 09:00:00 2026\n", b"Subject: x\n", ""),
        (b"From \n", b"Subject: x\n", ""),
        (b"From root Mon Mar  2 09:00:00 2026\n", b"Subject: x\n", ""),
        (b"From ???@??? Mon Mar  2 09:00:00 2026\n", b"Subject: x\n", ""),
        (b"From <a@b.example> Mon Mar  2 09:00:00 2026\n", b"Subject: x\n", "a@b.example"),
        (b'From "a b"@c.example Mon Mar  2 09:00:00 2026\n', b"X: y\n", '"a b"@c.example'),
    ],
)
def test_the_sender_of_an_mbox_message_may_be_in_its_first_line_only(
    tmp_path: Path, read: Any, line: bytes, headers: bytes, sender: str
) -> None:
    (tmp_path / "mbox").write_bytes(line + headers + b"\n\n")
    (found,) = read(tmp_path / "mbox")
    assert found["sender"] == sender


# mbox -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_mbox_gives_its_messages_with_the_lines_they_begin_at(
    tmp_path: Path, read: Any, end: bytes
) -> None:
    lines = [
        FROM[:-1],
        b"Subject: 1",
        b"",
        b"one",
        b"",
        b"two",
        b"",
        FROM[:-1],
        b"Subject: 2",
        b"",
        b"",
    ]
    (tmp_path / "mbox").write_bytes(end.join(lines))
    found = read(tmp_path / "mbox")
    assert [(entry["line"], entry["data"].split(end)) for entry in found] == [
        (1, [b"Subject: 1", b"", b"one", b"", b"two", b""]),
        (8, [b"Subject: 2", b""]),
    ]


def test_quoted_lines_lose_one_quote_anywhere() -> None:
    body = b"\n>From here\n>>From there\n>>>Fromage\n> From me\n>From: you\n>>"
    assert cut(FROM + b"Subject: x\n" + body) == [
        b"Subject: x\n\nFrom here\n>From there\n>>>Fromage\n> From me\n>From: you\n>>"
    ]


@pytest.mark.parametrize(
    ("before", "line", "after", "opens"),
    [
        (b"\n\n", FROM, b"the next", True),
        (b"\r\n\r\n", FROM, b"the next", True),
        (b"\n", FROM, b"the next", True),
        (b"\n\n", FROM, b"", True),
        (b"\n\n", b"From bob\n", b"Subject: y", True),
        (b"\n\n", b"From \r\n", b"Subject : y\r\n", True),
        (b"\n\n", b"From \n", b"S:" + b"y" * LARGE, True),
        (b"\n\n", b"From time to time, it rains.\n", b"the next", False),
        (b"\n\n", b"From then on:\n", b"\nSubject: y", False),
        (b"\n\n", b"From the end\n", b"", False),
        (b"\n\n", b"From here\n", b"From : there\nSubject: y\n", False),
        (b"\n", b"From then on it was 12:30\n", b"Subject: y", False),
        (b"\n \n", b"From then on\n", b"Subject: y", False),
        (b"\n\n", b"From: bob@post.example\n", b"Subject: y", False),
        (b"\n\n", b" " + FROM, b"Subject: y", False),
        (b"\n\n", b"From " + b"x" * 1000 + b"\n", b"Subject: y", False),
        (b"\n\n", b"From " + b"x" * LARGE + b"\n", b"Subject: y", False),
    ],
)
def test_what_opens_a_message(before: bytes, line: bytes, after: bytes, opens: bool) -> None:
    data = FROM + b"Subject: x" + before + line + after
    assert len(cut(data)) == 1 + opens
    assert cut(data, pieces=7) == cut(data)


def test_content_length_is_not_believed() -> None:
    first = b"Content-Length: 100000\n\nshort\n"
    assert cut(FROM + first + b"\n" + FROM + b"\n2\n") == [first, b"\n2\n"]


@pytest.mark.parametrize("data", [FROM, FROM + b"\n", FROM[:-1], FROM[:-1] + b"\r\n\r\n"])
def test_a_message_without_a_byte_is_refused(tmp_path: Path, read: Any, data: bytes) -> None:
    (tmp_path / "mbox").write_bytes(data)
    (found,) = read(tmp_path / "mbox")
    assert found == {"source": str(tmp_path / "mbox"), "line": 1, "error": "the message is empty"}


def test_a_message_that_is_too_large_is_refused_and_the_next_one_is_read(
    tmp_path: Path, read: Any
) -> None:
    large = b"Subject: large\n\n" + b"x" * LARGE + b"\n\n" + b"y\n" * LARGE
    (tmp_path / "mbox").write_bytes(
        FROM + b"\nok\n\n" + FROM + large + b"\n" + FROM + b"\nok too\n"
    )
    first, second, third = read(tmp_path / "mbox", max_message=LARGE)
    assert (first["data"], third["data"]) == (b"\nok\n", b"\nok too\n")
    assert (second["line"], second["error"]) == (5, "the message is larger than 100000 bytes")
    assert third["line"] == 5 + large.count(b"\n") + 2


def test_of_a_message_that_is_too_large_next_to_nothing_is_kept() -> None:
    splitter = Mbox(LARGE)
    tracemalloc.start()
    try:
        for piece in (FROM, *[b"x" * LARGE] * 100, *[b"y\n" * LARGE] * 100):
            assert list(splitter.feed(piece)) == []
        assert tracemalloc.get_traced_memory()[1] < 20 * LARGE
    finally:
        tracemalloc.stop()


WORDS = st.sampled_from(
    [
        b"From ",
        b">",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"x",
        b"\r",
        b" Mon Mar  2 09:00",
        b"S: y",
        b"\nFrom ",
        b"\xff",
        b"LONG",
    ]
)


@given(st.lists(WORDS, max_size=30), st.integers(1, 40))
def test_how_an_mbox_arrives_makes_no_difference(words: list[bytes], pieces: int) -> None:
    data = FROM + b"".join(words).replace(b"LONG", b"y" * 70_000)
    assert cut(data, pieces=pieces if len(data) < 1000 else 1000 * pieces) == cut(data)


BODY_LINES = st.lists(
    st.sampled_from([b"From a", FROM[:-1], b">From b", b">>From", b"", b"text", b"From "])
)


@given(st.lists(BODY_LINES, min_size=1, max_size=4))
def test_what_an_mboxrd_writer_puts_in_comes_out(bodies: list[list[bytes]]) -> None:
    messages = [b"".join(line + b"\n" for line in (b"Subject: x", b"", *body)) for body in bodies]
    packed = b""
    for message in messages:
        quoted = (
            b">" + line if line.lstrip(b">").startswith(b"From ") else line
            for line in message.splitlines(keepends=True)
        )
        packed += FROM + b"".join(quoted) + b"\n"
    assert cut(packed) == messages


def test_what_the_standard_library_writes_is_read(tmp_path: Path, read: Any) -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("From the start\n\nFrom the end\n")
    boxes = (mailbox.mbox(tmp_path / "mbox"), mailbox.Maildir(tmp_path / "Maildir"))
    for box in boxes:
        box.add(message)
        box.add(message)
        box.close()
    found = [*read(tmp_path / "mbox"), *read(tmp_path / "Maildir")]
    assert texts(found) == [message.as_bytes()] * 4


# Maildir ----------------------------------------------------------------------------------------


def test_a_maildir_is_read_in_the_order_of_delivery_and_then_its_folders(
    tmp_path: Path, read: Any
) -> None:
    box = maildir(
        tmp_path / "box", cur_1=b"1\n", new_2=b"2\n", **{"cur_3:2,S": b"3\n"}, tmp_4=b"no\n"
    )
    maildir(box / ".Sub", new_5=b"5\n")
    maildir(box / ".Sub.Below", new_6=b"6\n")
    maildir(box / "Zoo", new_7=b"7\n")
    (box / ".Sub" / "maildirfolder").touch()
    (box / "dovecot-uidlist").write_text("3 V1\n")
    (box / "new" / ".hidden").write_bytes(b"no\n")
    found = read(box)
    assert texts(found) == [b"%d\n" % number for number in (1, 2, 3, 5, 6, 7)]
    assert found[2]["source"] == str(box / "cur" / "3:2,S")


def test_every_file_of_a_maildir_is_one_message_whatever_is_in_it(
    tmp_path: Path, read: Any
) -> None:
    strange = [FROM + b"Subject: x\n\n>From\n" + FROM, b"\nno headers\n", b"{}\n", b"\xff\n"]
    names = {f"new_{number}": data for number, data in enumerate(strange)}
    assert texts(read(maildir(tmp_path, **names))) == strange


def test_a_message_that_is_flagged_meanwhile_is_found_and_a_deleted_one_is_refused(
    tmp_path: Path, stop: Stop
) -> None:
    box = maildir(tmp_path, new_1=b"1\n", new_2=b"2\n", new_3=b"3\n")
    mail = iter(opened(stop, box))
    assert event(next(mail))["data"] == b"1\n"
    (box / "new" / "2").rename(box / "cur" / "2:2,RS")
    (box / "new" / "3").unlink()
    found, gone = map(event, mail)
    assert (found["data"], found["source"]) == (b"2\n", str(box / "cur" / "2:2,RS"))
    assert gone["source"] == str(box / "new" / "3")
    assert gone["error"] == "reading it failed: No such file or directory"


def test_an_empty_file_in_a_maildir_is_refused(tmp_path: Path, read: Any) -> None:
    (found,) = read(maildir(tmp_path, new_1=b""))
    assert (found["source"], found["error"]) == (
        str(tmp_path / "new" / "1"),
        "the message is empty",
    )


# Directories and single files -------------------------------------------------------------------


def test_a_directory_is_read_with_all_below_it_in_name_order(tmp_path: Path, read: Any) -> None:
    files = ("b.eml", "a.eml", "é.eml", "sub/c", "sub/2/d", "sub/1/e", ".hidden/f", ".g.eml")
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"Subject: %s\n" % name.encode())
    maildir(tmp_path / ".mail", new_1=b"Subject: in\n")
    (tmp_path / "sub" / "mbox").write_bytes(FROM + b"Subject: 1\n\n" + FROM + b"Subject: 2\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to("a.eml")
    os.mkfifo(tmp_path / "pipe")
    subjects = [text.decode().split()[1] for text in texts(read(tmp_path))]
    own, below = ["a.eml", "b.eml", "a.eml", "é.eml"], ["sub/c", "1", "2", "sub/1/e", "sub/2/d"]
    assert subjects == [*own, "in", *below]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_files_may_be_compressed(tmp_path: Path, read: Any, pack: Any) -> None:
    (tmp_path / "mbox.old").write_bytes(pack(FROM + b"Subject: 1\n\n" + FROM + b"Subject: 2\n"))
    box = maildir(tmp_path / "box", new_1=pack(b"Subject: 3\n"))
    assert texts(read(tmp_path / "mbox.old", box)) == [b"Subject: %d\n" % n for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "data",
    [b'{"type":"Delivery"}\n', b"text\n", b"x" * 5000, b"\n\ntext", b"\0", b" From: x\n", b"x"],
)
def test_a_file_that_is_neither_mbox_nor_message_is_refused(
    tmp_path: Path, read: Any, data: bytes
) -> None:
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(b"Subject: x\n")
    refused, found = read(tmp_path)
    assert refused["source"] == str(tmp_path / "a")
    assert refused["error"].startswith("it is neither an mbox, which begins")
    assert found["data"] == b"Subject: x\n"


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_mbox_without_messages(tmp_path: Path, read: Any, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    assert read(tmp_path / "a") == []


def test_a_byte_order_mark_and_empty_lines_may_come_first(tmp_path: Path, read: Any) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfSubject: 1\n")
    (tmp_path / "b").write_bytes(b"\r\n\n" + FROM + b"Subject: 2\n")
    one, two = read(tmp_path)
    assert (one["data"], one["line"]) == (b"Subject: 1\n", 1)
    assert (two["data"], two["line"]) == (b"Subject: 2\n", 3)


def test_a_message_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path, read: Any) -> None:
    data = b"Subject: x\n\n" + b"x" * LARGE
    (tmp_path / "a.eml").write_bytes(data)
    assert texts(read(tmp_path, max_message=len(data))) == [data]
    (refused,) = read(tmp_path, max_message=len(data) - 1)
    assert refused["error"] == f"the message is larger than {len(data) - 1} bytes"


# What goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (b"", "the file ends inside a compressed frame, and so does the message"),
        (b"\0" * 400_000, "corrupt at byte"),
    ],
)
def test_of_a_damaged_file_the_whole_messages_are_read_and_the_rest_is_refused(
    tmp_path: Path, read: Any, damage: bytes, error: str
) -> None:
    noise = base64.encodebytes(os.urandom(300_000))
    packed = zstandard.compress((FROM + b"Subject: x\n\n" + noise + b"\n") * 3)
    whole = zstandard.compress(FROM + b"Subject: 1\n\n" + FROM + b"Subject: 2\n\n")
    (tmp_path / "a").write_bytes(whole + packed[: len(packed) // 2] + damage)
    (tmp_path / "b").write_bytes(FROM + b"Subject: 3\n")
    *found, refused, last = read(tmp_path)
    assert texts(found)[:2] == [b"Subject: 1\n", b"Subject: 2\n"]
    assert error in refused["error"]
    assert refused["line"] >= 7
    assert last["data"] == b"Subject: 3\n"


def test_a_broken_link_is_refused(tmp_path: Path, read: Any) -> None:
    (tmp_path / "a.eml").symlink_to("gone")
    (refused,) = read(tmp_path)
    assert refused["error"] == "reading it failed: No such file or directory"


def test_a_missing_path_is_an_error_before_anything_is_read(tmp_path: Path, stop: Stop) -> None:
    (tmp_path / "mbox").write_bytes(FROM)
    with pytest.raises(KumologError, match="gone: No such file"):
        opened(stop, tmp_path / "mbox", tmp_path / "gone")


def test_a_directory_without_mail_is_told(tmp_path: Path, stop: Stop) -> None:
    told: list[str] = []
    maildir(tmp_path / "box")
    assert events(opened(stop, tmp_path / "box", report=told.append)) == []
    assert told == [f"reading {tmp_path / 'box'}: there is no mail in it"]


def test_the_rejects_file_of_the_run_is_passed_over(tmp_path: Path, read: Any) -> None:
    (tmp_path / "a.eml").write_bytes(b"Subject: x\n")
    (tmp_path / "rejects.jsonl").write_bytes(b"{}\n")
    assert len(read(tmp_path, leave_out=str(tmp_path / "rejects.jsonl"))) == 1


# Progress, stopping, and leaving things as they are ---------------------------------------------


def test_progress_counts_stored_bytes(tmp_path: Path, stop: Stop) -> None:
    box = maildir(tmp_path / "box", new_1=b"x" * 1000, cur_2=b"y" * 500)
    (tmp_path / "mbox.gz").write_bytes(gzip.compress(FROM + b"\n1\n"))
    mail = opened(stop, box, tmp_path / "mbox.gz")
    total = 1500 + (tmp_path / "mbox.gz").stat().st_size
    assert (mail.consumed, mail.total) == (0, total)
    assert [mail.consumed for _ in mail] == [1000, 1500, total]
    assert mail.consumed == total


def test_a_stop_ends_it_between_messages(tmp_path: Path, stop: Stop) -> None:
    (tmp_path / "1").write_bytes((FROM + b"Subject: x\n\n") * 3)
    (tmp_path / "2").write_bytes(b"Subject: x\n\n")
    mail = iter(opened(stop, tmp_path))
    assert event(next(mail))["line"] == 1
    assert event(next(mail))["line"] == 4
    stop.set()
    assert list(mail) == []


def test_nothing_is_changed(tmp_path: Path, read: Any) -> None:
    box = maildir(tmp_path / "box", new_1=b"1\n", cur_2=b"2\n")
    (tmp_path / "mbox").write_bytes(FROM + b"Subject: x\n")

    def state() -> dict[str, tuple[int, int, int]]:
        return {
            str(path): (status.st_mode, status.st_mtime_ns, status.st_size)
            for path in tmp_path.rglob("*")
            if (status := path.stat())
        }

    before = state()
    for path in tmp_path.rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    assert len(read(box, tmp_path / "mbox")) == 3
    for path in tmp_path.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)
    assert state() == before
