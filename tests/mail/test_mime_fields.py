from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.mime_fields import (
    MimeError,
    MimeParams,
    parse_message_id,
    parse_message_ids,
    parse_mime_params,
)


@pytest.mark.parametrize(
    ("raw", "value", "parameters"),
    [
        (b"text/plain", "text/plain", {}),
        (b" Text / HTML ;", "Text/HTML", {}),
        (b"7bit", "7bit", {}),
        (b"text/plain; Charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
        (b"(a (nested) one) text/plain;(x;y=z)a=b", "text/plain", {"a": "b"}),
        (b'text/plain; charset = "utf-8" ; ; format=flowed;', "text/plain", {"charset": "utf-8", "format": "flowed"}),
        (b'a/b; name="a \\"b\\"; c=d (no)"', "a/b", {"name": 'a "b"; c=d (no)'}),
        (b"a/b; name=my copy(1).pdf; x=y", "a/b", {"name": "my copy(1).pdf", "x": "y"}),
        (b'a/b; name="never closed; x=y', "a/b", {"name": "never closed; x=y"}),
        (b'a/b; name="x\\', "a/b", {"name": "x"}),
        (b'a/b; name="x" junk; y=z', "a/b", {"name": "x", "y": "z"}),
        (b'a/b; junk; "a;b=c"; =d; x=', "a/b", {"x": ""}),
        (b'a/b; x=""; y=1', "a/b", {"x": "", "y": "1"}),
        (b"a/b; x=1; X=2", "a/b", {"x": "1"}),
        (b"a/b;\r\n\tname=\"a\r\n b\"", "a/b", {"name": "a b"}),
        ("a/b; name=grüße".encode(), "a/b", {"name": "grüße"}),
        (b"a/b; name=\xff", "a/b", {"name": b"\xff"}),
        (b"a/b; name==?utf-8?q?a?=", "a/b", {"name": "=?utf-8?q?a?="}),
    ],
)  # fmt: skip
def test_a_value_has_its_parameters(raw: bytes, value: str, parameters: dict[str, str]) -> None:
    assert parse_mime_params(raw) == MimeParams(value, parameters)


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        (b"n*=utf-8'de'gr%C3%BC%c3%9fe", {"n": "grüße"}),
        (b"n*=iso-8859-1''%FC", {"n": "ü"}),
        (b"n*=''a%20b", {"n": "a b"}),
        (b"n*=nonsense''%FC", {"n": b"\xfc"}),
        (b"n*=no%20charset", {"n": "no charset"}),
        (b"n*=utf-8''%FC%zz", {"n": b"\xfc%zz"}),
        (b"n*0=a; n*1=\"b c\"; n*2=d", {"n": "ab cd"}),
        (b"n*2=c; n*0=a; n*1=b; n*4=e", {"n": "abc"}),
        (b"n*1*=%C3; n*2*=%BC; n*0*=utf-8''x'; n*3=%41", {"n": "x'ü%41"}),
        (b"n=plain; n*=utf-8''%41", {"n": "A"}),
        (b"n*=utf-8''%41; n=plain", {"n": "A"}),
        (b"n*1=b", {}),
        (b"n*01=b; n*x=c; n**=d", {"n*01": "b", "n*x": "c", "n**": "d"}),
        (b"n*99999999999999999999=b", {"n*99999999999999999999": "b"}),
    ],
)  # fmt: skip
def test_parameters_may_be_continued_and_name_a_charset(
    raw: bytes, parameters: dict[str, str]
) -> None:
    assert parse_mime_params(b"a/b; " + raw).parameters == parameters


@pytest.mark.parametrize("raw", [b"", b"; a=b", b"two words", b"a/b/c", b"a/; x=y", b"\xff", b"(a"])
def test_what_has_no_value_is_refused(raw: bytes) -> None:
    with pytest.raises(MimeError, match=r"parsing the header value .*text/plain; charset"):
        parse_mime_params(raw)


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (b"<a@b>", ["a@b"]),
        (b" <a@b>\r\n\t<c(1)@d> (a comment), <e@f>", ["a@b", "c(1)@d", "e@f"]),
        (b"<a\r\n @b>", ["a@b"]),
        (b"<\xff@b>", [b"\xff@b"]),
    ],
)
def test_ids_are_given_without_their_brackets(raw: bytes, ids: list[str]) -> None:
    assert parse_message_ids(raw) == ids


@pytest.mark.parametrize("raw", [b"", b"a@b", b"<a@b", b"<>", b"<a@b> c", b"(<a@b>)"])
def test_what_is_no_id_is_refused(raw: bytes) -> None:
    with pytest.raises(MimeError, match="ids such as"):
        parse_message_ids(raw)


def test_one_id_is_one_id() -> None:
    assert parse_message_id(b"<a@b>") == "a@b"
    with pytest.raises(MimeError, match="one id was expected, there are 2"):
        parse_message_id(b"<a@b><c@d>")


snippets = st.lists(
    st.sampled_from([b"a", b"/", b";", b"=", b"*", b"*0", b"*1*", b'"', b"\\", b"(", b")", b" "])
    | st.sampled_from([b"%41", b"'", b"utf-8''", b"\xff", b"\r\n ", b"<", b">", b"@", b","])
).map(b"".join)


@given(snippets | st.binary())
def test_any_bytes_have_a_structure_or_are_refused(raw: bytes) -> None:
    for parse in (parse_mime_params, parse_message_ids, parse_message_id):
        try:
            parse(raw)
        except MimeError as error:
            assert str(error).startswith("parsing the header value ")  # noqa: PT017 - most are fine


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_what_was_quoted_is_read_again(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_mime_params(f'a/b; n="{quoted}"; x=y'.encode()).parameters == {"n": text, "x": "y"}


@pytest.mark.parametrize(
    "piece", [b"(", b'"', b"\\", b";", b"a=", b"*0*=", b"<", b"(a) ", b"\r\n "]
)
def test_long_values_take_no_more_than_their_length(piece: bytes) -> None:
    for parse in (parse_mime_params, parse_message_ids):
        for start in (b"", b"a/b; n=", b'a/b; n="', b"<a@b>"):
            try:
                parse(start + piece * 100_000)
            except MimeError:
                continue
