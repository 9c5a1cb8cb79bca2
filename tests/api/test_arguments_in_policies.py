"""What functions of kumo make of wrong, missing and too many arguments, in real policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumolog.policy import Policy

GIVEN = ("{ nil }", "{ true }", "{ 5 }", "{ -1.5 }", "{ 0/0 }", "{ '' }", "{ '\\xff' }", "{ {} }", "{ { 1 } }",
             "{ function() end }", "{ coroutine.running() }", "{ io.stdout }", "{ 'a', 'b', 'c', 'd', 'e', 'f', 'g' }")  # fmt: skip


def say(tmp_path: Path, source: str) -> list[str]:
    texts: list[str] = []
    (tmp_path / "init.lua").write_text(source)
    Policy(tmp_path / "init.lua", lambda _level, text: texts.append(text.split(": ", 1)[1])).load()
    return texts


@pytest.mark.parametrize(
    ("call", "what", "wanted"),
    [
        ("string.trim()", "#1", "nil to String (expected string or number)"),
        ("string.trim {}", "#1", "table to String (expected string or number)"),
        ("string.starts_with 'a'", "#2", "nil to string (expected string or number)"),
        ("string.split('a', true)", "#2", "boolean to String (expected string or number)"),
        ("string.replacen('a', 'b', 'c', 'x')", "#4", "string to usize (expected number or string coercible to number)"),
        ("string.splitn('a', -1, ',')", "#2", "integer to usize (out of range)"),
        ("time.sleep()", "#1", "nil to f64 (expected number or string coercible to number)"),
        ("time.with_ymd_hms(2024, 1, 2, 3, 4)", "#6", "nil to u32 (expected number or string coercible to number)"),
        ("time.now():format()", "#2 to `Time.format`", "nil to String (expected string or number)"),
        ("regex.compile()", "#1", "nil to String (expected string or number)"),
        ("regex.compile('a'):find()", "#2 to `Regex.find`", "nil to String (expected string or number)"),
        ("uuid.parse()", "#1", "nil to String (expected string or number)"),
        ("mpsc.define('q', 'x')", "#2", "string to usize (expected number or string coercible to number)"),
        ("fs.glob('*', '.', {})", "#3", "table to f64 (expected number or string coercible to number)"),
        ("encode.hex_decode()", "#1", "nil to string (expected string or number)"),
        ("digest.hmac_sha1({ key_data = 'k' })", "#2", "nil to string (expected string or number)"),
        ("traceback()", "#1", "nil to usize (expected number or string coercible to number)"),
        ("traceback 'x'", "#1", "string to usize (expected number or string coercible to number)"),
        ("traceback(-1)", "#1", "integer to usize (out of range)"),
        ("traceback(1e300)", "#1", "number to usize (out of range)"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_as_kumomta_names_it(
    tmp_path: Path, call: str, what: str, wanted: str
) -> None:
    source = f"kumo.log_info(pcall(function() return kumo.{call} end))"
    assert say(tmp_path, source) == [f"false bad argument {what}: error converting Lua {wanted}"]


@pytest.mark.parametrize("given", ["5", "nil", "{}", "true", "nil, 'more'"])
def test_what_is_encoded_has_to_be_a_string(tmp_path: Path, given: str) -> None:
    source = f"""
        for _, name in ipairs {{ 'base32', 'base32_nopad', 'base64', 'base64url_nopad', 'hex' }} do
          kumo.log_info(pcall(kumo.encode[name .. '_encode'], {given}))
        end"""
    texts = say(tmp_path, source)
    assert len(texts) == 5
    assert all(text.startswith("false kumo.encode.") and "needs a string, not" in text for text in texts)  # fmt: skip


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("string.trim(5, 'more')", "5"),
        ("string.replace(2^40, '0', '')", "199511627776."),
        ("string.split('a,b', ',', 'more')[2]", "b"),
        ("encode.hex_decode('6162', 1)", "ab"),
        ("encode.base64_decode(1234) == '\\u{d7}m\\u{f8}'", "false"),
        ("digest.sha1(5).hex == kumo.digest.sha1('5').hex", "true"),
        ("digest.hmac_sha1({ key_data = 'k' }, 5).hex == kumo.digest.hmac_sha1({ key_data = 'k' }, '5').hex", "true"),
        ("time.with_ymd_hms('2024', 2.9, 29, 0, 0, 0, 'more')", "2024-02-29 00:00:00 UTC"),
        ("regex.compile(5):is_match(1.5)", "true"),
        ("traceback(99)[1]", "nil"),
        ("traceback(2^31)[1]", "nil"),
        ("traceback(math.maxinteger)[1]", "nil"),
        ("traceback('1')[1].curr_line", "1"),
        ("traceback(1.9)[1].curr_line", "1"),
    ],
)  # fmt: skip
def test_numbers_are_written_out_and_texts_read_and_more_is_ignored(
    tmp_path: Path, call: str, result: str
) -> None:
    assert say(tmp_path, f"kumo.log_info(kumo.{call})") == [result]


def test_no_function_breaks_down_whatever_it_is_given(tmp_path: Path) -> None:
    """A function may refuse, but kumolog itself never fails."""
    source = f"""
        local called, left_out = 0, {{ sleep = true, set_diagnostic_log_filter = true }}
        local function touch(functions, arguments)
          for name, f in pairs(functions) do
            if type(f) == 'table' then
              touch(f, arguments)
            elseif type(f) == 'function' and not left_out[name] then
              called = called + 1
              pcall(f, table.unpack(arguments, 1, 7))
            end
          end
        end
        kumo.on('pre_init', function()
          for _, arguments in ipairs {{ {", ".join(GIVEN)} }} do touch(kumo, arguments) end
          kumo.log_info('called ' .. called)
        end)"""
    (called,) = (text for text in say(tmp_path, source) if text.startswith("called "))
    assert int(called.split()[1]) > 200 * len(GIVEN)
