from __future__ import annotations

import pytest

from kumolog.mail.address_list import AddressError, AddressGroup, HeaderAddress, parse_address_list


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a@b.example", HeaderAddress(None, "a", "b.example")),
        ("<a@b.example>", HeaderAddress(None, "a", "b.example")),
        ("Joe <a@b.example>", HeaderAddress("Joe", "a", "b.example")),
        ("Joe Q. Public <a@b>", HeaderAddress("Joe Q. Public", "a", "b")),
        ("J.R. <a@b>", HeaderAddress("J.R.", "a", "b")),
        ('"Public, Joe" <a@b>', HeaderAddress("Public, Joe", "a", "b")),
        (r'"a \"b\" \\c" <a@b>', HeaderAddress(r'a "b" \c', "a", "b")),
        ('"Joe"  Public<a@b>', HeaderAddress("Joe Public", "a", "b")),
        ('"" <a@b>', HeaderAddress("", "a", "b")),
        ("Joe\r\n Public\r\n\t<a@b>\r\n", HeaderAddress("Joe Public", "a", "b")),
        ('"Joe\r\n Public" <a@b>', HeaderAddress("Joe Public", "a", "b")),
        ("Jürgen <jürgen@müller.example>", HeaderAddress("Jürgen", "jürgen", "müller.example")),
        ("=?utf-8?Q?J=C3=BCrgen?= <a@b>", HeaderAddress("Jürgen", "a", "b")),
        ("=?utf-8?Q?J=C3=BC?= =?utf-8?B?cmdlbg==?= M <a@b>", HeaderAddress("Jürgen M", "a", "b")),
        ("=?utf-8?Q?a,b@c?= <a@b>", HeaderAddress("a,b@c", "a", "b")),
        ("=?utf-8?X?a?= <a@b>", HeaderAddress("=?utf-8?X?a?=", "a", "b")),
        ('"=?utf-8?Q?a?=" <a@b>', HeaderAddress("=?utf-8?Q?a?=", "a", "b")),
        ("a@B.Example", HeaderAddress(None, "a", "B.Example")),
        ('"a b"@c', HeaderAddress(None, "a b", "c")),
        ("a@[192.0.2.1]", HeaderAddress(None, "a", "[192.0.2.1]")),
    ],
)
def test_a_mailbox_is_read(text: str, address: HeaderAddress) -> None:
    assert parse_address_list(text) == (address,)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a . b @ c . d", HeaderAddress(None, "a.b", "c.d")),
        ('a."b c".d@e', HeaderAddress(None, "a.b c.d", "e")),
        ("Joe <@r1.example,@r2.example:a@b>", HeaderAddress("Joe", "a", "b")),
        ("<,@r1,,@[192.0.2.1]:a@b>", HeaderAddress(None, "a", "b")),
        (",, a@b ,,", HeaderAddress(None, "a", "b")),
    ],
)
def test_obsolete_forms_are_read(text: str, address: HeaderAddress) -> None:
    assert parse_address_list(text) == (address,)


@pytest.mark.parametrize(
    "text",
    [
        "(c) Joe (c) <(c) a (c) @ (c) b (c)> (c)",
        r"Joe (nested (deeper \) \( ) ) <a@b>",
        "Joe(no blank)<a@b>(, c@d)",
        "Joe (\r\n folded) <a@b>",
    ],
)
def test_comments_are_skipped(text: str) -> None:
    assert parse_address_list(text) == (HeaderAddress("Joe", "a", "b"),)


def test_a_comment_separates_words() -> None:
    assert parse_address_list("Joe(x)Public <a@b>") == (HeaderAddress("Joe Public", "a", "b"),)


def test_groups_are_kept_with_their_addresses() -> None:
    text = 'a@b, Some "big" group: c@d, Joe <e@f>,;, undisclosed-recipients:;'
    assert parse_address_list(text) == (
        HeaderAddress(None, "a", "b"),
        AddressGroup(
            "Some big group", (HeaderAddress(None, "c", "d"), HeaderAddress("Joe", "e", "f"))
        ),
        AddressGroup("undisclosed-recipients", ()),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at offset 0: expected an address"),
        (" , (c), ", "at offset 0: expected an address"),
        ("Joe", "at offset 3: expected an address.*found the end"),
        ("Joe, a@b", "at offset 3: expected an address.*found ','"),
        ("@b", "expected an address"),
        ("a@", "at offset 2: expected 'atom'"),
        ("a@b.", "expected 'atom'"),
        ("a@b c@d", "at offset 4: expected ',' or 'end', found 'c'"),
        ("a@b@c", "expected ',' or 'end'"),
        ("a..b@c", "joined by dots"),
        (".a@b", "joined by dots"),
        ("a.@b", "joined by dots"),
        ("a b@c", "joined by dots"),
        ("Joe <a@b", "at offset 8: expected '>', found the end"),
        ("Joe <>", "expected an address"),
        ("a@b>", "expected ',' or 'end'"),
        ("<@r a@b>", "expected ',' or ':'"),
        ("group: a@b", "expected ',' or ';', found the end"),
        ("group: inner: a@b;;", "expected an address.*found ':'"),
        (": a@b;", "expected a group name"),
        ("a@b; c@d", "expected ',' or 'end', found ';'"),
        ("(never closed <a@b>", "at offset 0: the comment is not closed"),
        ('"never closed <a@b>', "at offset 0: .* is not closed"),
        ("a@[1.2.3.4", "at offset 2: .* is not closed"),
        ("a) <a@b>", "at offset 1"),
        ("a\x00 <a@b>", "at offset 1"),
    ],
)
def test_a_text_that_is_no_address_list_is_refused_with_the_place(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        parse_address_list(text)


@pytest.mark.parametrize(
    ("user", "email"),
    [
        ("a.b", "a.b@d"),
        ("a b", '"a b"@d'),
        ('a"\\b', r'"a\"\\b"@d'),
        ("a..b", '"a..b"@d'),
        ("", '""@d'),
        ("ü", "ü@d"),
    ],
)
def test_an_email_quotes_its_local_part_where_it_must(user: str, email: str) -> None:
    assert HeaderAddress(None, user, "d").email == email
    assert parse_address_list(email) == (HeaderAddress(None, user, "d"),)


def test_an_error_shows_only_the_beginning_of_a_long_list() -> None:
    with pytest.raises(AddressError) as caught:
        parse_address_list("a" * 1_000_000)
    assert len(str(caught.value)) < 300
