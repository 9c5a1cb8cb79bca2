"""JSON for policies, as KumoMTA reads and writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumolog.api.registry import Registry
from kumolog.api.serde import json_encode, json_parse
from kumolog.errors import PolicyError
from kumolog.policy import Policy


def say(tmp_path: Path, *expressions: str) -> list[str]:
    texts: list[str] = []
    path = tmp_path / "init.lua"
    path.write_text("\n".join(f"kumo.log_info({expression})" for expression in expressions))
    Policy(path, lambda _level, text: texts.append(text.split(": ", 1)[1])).load()
    return texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("nil", "null"),
        ("", "null"),
        ("1", "1"),
        ("1.0", "1.0"),
        ("0/0", "null"),
        ("'caf\\u{e9} / \\n\\0'", '"caf\u00e9 / \\n\\u0000"'),
        ("'\\xff'", "[255]"),
        ("{}", "{}"),
        ("{ 1, 'two', { x = true } }", '[1,"two",{"x":true}]'),
        ("{ 1, 2, x = 3 }", "[1,2]"),
        ("kumo.json_parse '[]'", "{}"),
        ("kumo.json_parse '[[]]'", "[{}]"),
        ("kumo.json_parse '[1,2]'", "[1,2]"),
        ("kumo.json_parse 'null'", "null"),
        ("1, 'more', print", "1"),
    ],
)
def test_encoding_writes_what_kumomta_writes(tmp_path: Path, value: str, text: str) -> None:
    assert (
        say(tmp_path, f"kumo.json_encode({value})", f"kumo.serde.json_encode({value})")
        == [text] * 2
    )


def test_pretty_json_is_indented_by_two_and_sorted(tmp_path: Path) -> None:
    value = "{ b = { 1, {} }, a = 'x' }"
    pretty = '{\n  "a": "x",\n  "b": [\n    1,\n    {}\n  ]\n}'
    assert say(tmp_path, f"kumo.json_encode_pretty({value})") == [pretty]


def test_parsed_values_are_plain_lua_values(tmp_path: Path) -> None:
    source = '{"i":1,"f":1.0,"n":null,"a":[1,null,3],"e":[],"big":18446744073709551616,"s":"\\u00e9\\u0000"}'
    texts = say(
        tmp_path,
        f"(function() t = kumo.json_parse [[{source}]] end)()",
        "math.type(t.i), math.type(t.f), t.n, t.a[1], t.a[2], t.a[3], #t.a, #t.e, t.big, t.s == '\\u{e9}\\0'",
        "kumo.json_parse 'null', kumo.json_parse ' true ', kumo.json_parse '1', kumo.json_parse '[1]'[1]",
        "getmetatable(t.e), getmetatable(t), next(t.e)",
    )
    assert texts[1:] == [
        "integer float nil 1 nil 3 3 0 1.844674407371e+19 true",
        "nil true 1 1",
        "false nil nil",
    ]


def test_comments_are_ignored_outside_of_strings(tmp_path: Path) -> None:
    source = '{ // one\\n "a": "// # /* no */ \\\\" # no", /* two\\nlines */ "b": 1 # three\\n }'
    assert say(tmp_path, f"kumo.json_parse('{source}').a, kumo.json_parse('{source}').b") == [
        '// # /* no */ \\" # no 1'.replace('\\"', '"')
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1] 2",
        "{'a': 1}",
        "nul",
        '"\\ud800"',
        "[1,]",
        '"open',
        "1 /* open",
        "/*/ 1",
        "01",
        "1e400",
        "-",
    ],
)
def test_bad_json_is_an_error_that_shows_it(tmp_path: Path, text: str) -> None:
    said = say(tmp_path, f"pcall(kumo.json_parse, [==[{text}]==])")[0]
    assert said.startswith("false parsing text as JSON: ")
    assert said.endswith(f": {text}")


@pytest.mark.parametrize("value", ["nil", "{}", "true", "print", "", "'\\xff'"])
@pytest.mark.parametrize("function", ["json_parse", "json_load"])
def test_parsing_needs_text(tmp_path: Path, function: str, value: str) -> None:
    with pytest.raises(PolicyError, match=r"init\.lua:1: bad argument #1: error converting Lua "):
        say(tmp_path, f"kumo.{function}({value})")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", "5"),  # a number as the argument: it is written out
        ("'-0'", "-0.0"),
        ("'-0.5'", "-0.5"),
        ("'1e-0'", "1.0"),
        ("'1e-400'", "0.0"),
        ("'9223372036854775807'", "9223372036854775807"),
        ("'9223372036854775808'", "9.2233720368548e+18"),
        ("""'"-0 //"'""", "-0 //"),
        ("'# -0\\n[-0]'", None),
    ],
)
def test_numbers_read_as_serde_json_reads_them(
    tmp_path: Path, text: str, value: str | None
) -> None:
    index = "[1]" if value is None else ""
    assert say(tmp_path, f"kumo.json_parse({text}){index}") == [value or "-0.0"]


def test_of_equal_keys_the_last_one_counts(tmp_path: Path) -> None:
    assert say(tmp_path, """kumo.json_parse '{"a":1,"b":2,"a":3}'.a""") == ["3"]


@pytest.mark.parametrize("value", ["print", "{ print }", "coroutine.create(print)", "{ x = io.stdout }",
                                   "{ [{}] = 1 }", "(function() local t = {} t[1] = t return t end)()"])  # fmt: skip
def test_what_json_cannot_hold_is_an_error(tmp_path: Path, value: str) -> None:
    for function in ("kumo.json_encode", "kumo.json_encode_pretty", "kumo.serde.json_encode"):
        assert say(tmp_path, f"pcall({function}, {value})")[0].startswith("false ")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("print", "function"),
        ("{ { print } }", "function"),
        ("io.stdout", "userdata"),
        ("{ kumo.uuid.new_v4() }", "userdata"),
        ("coroutine.running()", "thread"),
    ],
)
def test_what_json_cannot_hold_is_named(tmp_path: Path, value: str, kind: str) -> None:
    said = f"false encoding a value as JSON: cannot serialize <{kind}>"
    assert say(tmp_path, f"pcall(kumo.json_encode, {value})") == [said]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_nests_no_deeper_than_serde_json_reads(
    tmp_path: Path, opening: str, closing: str
) -> None:
    read, refused, endless = say(
        tmp_path,
        *(
            f"""pcall(kumo.json_parse, ('{opening}'):rep({levels}) .. '1' .. ('{closing}'):rep({levels}))"""
            for levels in (127, 128, 1000)
        ),
    )
    assert read.startswith("true table: ")
    assert refused.startswith("false parsing text as JSON: recursion limit exceeded: ")
    assert endless.startswith("false parsing text as JSON: recursion limit exceeded: ")


def test_what_never_ends_is_searched_for_once(tmp_path: Path) -> None:
    texts = say(
        tmp_path,
        """pcall(kumo.json_parse, '"' .. ('\\\\"'):rep(100000))""",
        "pcall(kumo.json_parse, ('/*'):rep(100000))",
    )
    assert [text[:13] for text in texts] == ["false parsing"] * 2


def test_files_load_like_text(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text('# a comment\n{"a": [1]}')
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')
    good, bad, latin, none, nul, missing = say(
        tmp_path,
        f"kumo.json_load('{tmp_path}/good.json').a[1], kumo.serde.json_load('{tmp_path}/good.json').a[1]",
        *(
            f"pcall(kumo.json_load, '{tmp_path}/{name}')"
            for name in ("bad.json", "latin.json", "none.json", "\\0")
        ),
        "pcall(kumo.json_load)",
    )
    assert good == "1 1"
    assert bad.startswith(f"false parsing the file {tmp_path}/bad.json as JSON: ")
    assert latin.startswith(f"false parsing the file {tmp_path}/latin.json as JSON: ")
    assert none == f"false reading {tmp_path}/none.json: No such file or directory"
    assert nul.startswith("false reading ")
    assert missing.startswith("false bad argument #1: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_text_parses_to_its_value(value: object) -> None:
    registry = Registry(lambda _level, _text: None, None)
    assert repr(json_parse(registry, "", json.dumps(value))) == repr(value)


def test_encoding_gives_bytes_for_lua() -> None:
    registry = Registry(lambda _level, _text: None, None)
    assert json_encode(registry, "", "caf\u00e9") == '"caf\u00e9"'.encode()
