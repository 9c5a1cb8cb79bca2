"""Reading Rust's patterns: what is refused, and what holds for every pattern."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.api.rustregex import PatternError, compile_fancy, compile_plain
from kumolog.api.rustregex.folding import variants
from kumolog.errors import KumologError


def found(pattern: str, text: str) -> list[str | None]:
    return [match.groups[0] for match in compile_fancy(pattern).matches(text)]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "Opening parenthesis without closing parenthesis"),
        ("a)", "end of string not reached"),
        ("*a", "Target of repeat operator is invalid"),
        ("a**", "Target of repeat operator is invalid"),
        ("(?=a)*", "Target of repeat operator is invalid"),
        ("(?:)*", "Target of repeat operator is invalid"),
        ("a{3,2}", "Invalid repeat syntax"),
        ("[a", "Invalid character class"),
        ("[z-a]", "Invalid character class"),
        (r"[\d-z]", "Invalid character class"),
        (r"[a-\d]", "Invalid character class"),
        ("[a&&]", "Invalid character class"),
        ("[a[]]", "Invalid character class"),
        ("\\", "Backslash without following character"),
        (r"\q", r"Invalid escape: \q"),
        (r"\R", r"Invalid escape: \R"),
        (r"[\A]", r"Invalid escape: \A"),
        (r"\b{middle}", r"Invalid escape: \b{middle}"),
        (r"\x4", "Invalid hex escape"),
        (r"\x{110000}", "Invalid codepoint"),
        (r"\u{d800}", "Invalid codepoint"),
        (r"\p{Klingon}", "Unicode property not found"),
        (r"\p{Block=Greek}", "Unicode property not found"),
        (r"\p{L", "Unicode escape not closed"),
        (r"\p", "the pattern ends too early"),
        (r"(a)\2", "Invalid back reference to group 2"),
        (r"\0", "Invalid back reference to group 0"),
        (r"(a\1)", "Invalid back reference to group 1"),
        (r"(?<n>a)\1", "named group was used"),
        (r"\k<n>(?<n>a)", "Invalid group name in back reference: n"),
        ("(?<n>a)(?<n>b)", "two groups are named n"),
        ("(?<a-b>c)", "Could not parse group name"),
        ("(?i", "the pattern ends too early"),
        ("(?)a", "Unknown group flag"),
        ("(?z)a", "Unknown group flag: (?z"),
        ("(?-u)a", "Unknown group flag"),
        ("(?R)a", "Unknown group flag"),
        ("(a(?i)b)", "flags set inside a group"),
        (r"(?<=(a*)\1)b", "Look-behind assertion without constant size"),
    ],
)
def test_what_rust_refuses_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=re.escape(reason)):
        compile_fancy(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"\Ga", "(?(1)a|b)", r"\g<1>", "(?&n)", "(?P>n)", "(?~a)", "(a){0}", "(a*)*", "(?:a*)++"],
)
def test_what_would_differ_silently_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_fancy(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?<!a)b",
        "(?>a)",
        "a++",
        r"(a)\1",
        r"(?P<n>a)(?P=n)",
        r"\h",
        r"\K",
        r"\Z",
        r"[\b]",
        "(?#a)",
        "(?'n'a)",
        "a{x",
        "}",
        "a{,2}",
        r"\é",
        r"\ ",
        r"(?x)[ ]",
    ],
)
def test_the_plain_crate_lacks_what_fancy_regex_adds(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_plain(pattern)


def test_the_plain_crate_ends_flags_with_their_group() -> None:
    pattern = compile_plain("(a(?i)b)c")
    assert pattern.search("aBc") is not None
    assert pattern.search("aBC") is None


def test_an_error_counts_bytes_as_rust_does() -> None:
    with pytest.raises(PatternError, match="position 4: "):
        compile_fancy("é*+*")  # the first repetition is possessive, the second has nothing
    with pytest.raises(PatternError, match=r"position 3: Invalid escape: \\q"):
        compile_fancy("éa\\q")


def test_groups_nest_up_to_a_depth() -> None:
    compile_fancy("(" * 63 + ")" * 63)
    with pytest.raises(PatternError, match="too deeply nested"):
        compile_fancy("(" * 64 + ")" * 64)


def test_a_search_that_backtracks_without_end_is_stopped() -> None:
    pattern = compile_fancy(r"^(?:(a+)+\1)+c$")
    with pytest.raises(KumologError, match="Max limit for backtracking count exceeded"):
        pattern.search("a" * 60)


@given(st.characters(exclude_categories=["Cs"]))
def test_a_character_without_case_matches_its_own_variants_alone(char: str) -> None:
    pattern = compile_fancy(rf"(?i)\A\x{{{ord(char):x}}}\z")
    for other in {char, char.upper(), char.lower(), char.swapcase(), "i", "I"}:
        assert (pattern.search(other) is not None) == (len(other) == 1 and other in variants(char))


@pytest.mark.parametrize("pair", ["kK", "k\u212a", "s\u017f", "\xdf\u1e9e", "\ufb05\ufb06"])
def test_characters_that_fold_together_match_each_other(pair: str) -> None:
    for pattern in (pair[0], f"[{pair[0]}]", f"[{pair[0]}-{pair[0]}]"):
        assert found(f"(?i){pattern}", pair) == list(pair)
    assert found(f"(?i)[^{pair[0]}]", pair) == []


@pytest.mark.parametrize("text", ["\u0130", "\u0131", "ss"])
def test_case_is_folded_one_character_at_a_time_and_not_the_turkish_way(text: str) -> None:
    assert found("(?i)i|\xdf", text) == []


@given(st.text(max_size=6), st.text("ab,. -[]\\^$*+?{}()|#&~é", max_size=12))
def test_an_escaped_text_is_found_where_it_stands(needle: str, text: str) -> None:
    from kumolog.api.regex import escape

    pattern = compile_fancy(escape(None, "init.lua:1", needle))  # type: ignore[arg-type] # unused
    assert found(pattern.source, needle + text)[:1] == [needle]
    assert (pattern.search(text) is not None) == (needle in text)


# What Python's own engine reads alike, so that it can tell whether all was read right.
COMMON = st.recursive(
    st.sampled_from(
        ["a", "b", ".", r"\d", "[ab]", "[^a]", r"\b", "(?=a)", "(?!b)", "(?<=a)", "x?"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"({part})"),
        st.tuples(inner, st.sampled_from(["?", "??", "{0,1}"])).map(
            lambda pair: f"(?:a{pair[0]}){pair[1]}"
        ),
        inner.map(lambda part: f"(?:b{part})*"),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(COMMON, st.text("ab1x", max_size=8))
def test_what_python_reads_alike_matches_alike(pattern: str, text: str) -> None:
    ours = compile_fancy(pattern).search(text)
    theirs = re.search(pattern, text)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert ours == (theirs.start(), theirs.end(), (theirs[0], *theirs.groups()))


@settings(max_examples=150)
@given(
    st.text("ab(|)[]^-&~\\*+?{}12,.$:=!<>PnikxsK#hpL \n", max_size=14), st.text("ab1 ", max_size=5)
)
def test_any_text_is_a_pattern_or_refused(pattern: str, text: str) -> None:
    for compile_pattern in (compile_fancy, compile_plain):
        try:
            matches = list(compile_pattern(pattern).matches(text))
        except KumologError:
            continue
        assert all(match.start <= match.end for match in matches)
