"""Parameter tables: the checker, and the table of kumo.configure_local_logs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque
from kumolog.params import LOCAL_LOGS, PER_RECORD, Key, ParamError, ParamTable, check
from kumolog.params.compose import ListOf, Nullable
from kumolog.params.minfree import MinFree
from kumolog.params.types import (
    BOOL,
    STRING,
    U8,
)

FUNCTION = Opaque("function")
USERDATA = Opaque("userdata")
RECORD_TYPES = (
    "`Reception`, `Delivery`, `Bounce`, `TransientFailure`, `Expiration`, `AdminBounce`, `OOB`, "
    "`Feedback`, `Rejection`, `AdminRebind`, `DeferredInjectionRebind`, `Delayed`, `XferOut`, "
    "`XferIn`, `Any`"
)
LOCAL_LOGS_KEYS = (
    "`log_dir`, `max_file_size`, `back_pressure`, `compression_level`, `max_segment_duration`, "
    "`meta`, `headers`, `per_record`, `filter_event`, `min_free_space`, `min_free_inodes`"
)


def array(*values: LuaValue) -> LuaTable:
    return LuaTable([(i, v) for i, v in enumerate(values, 1) if v is not None], list(values))


def fields(**pairs: LuaValue) -> LuaTable:
    return LuaTable(list(pairs.items()))


def logs(**pairs: LuaValue) -> Any:
    return check(LOCAL_LOGS, fields(log_dir="out", **pairs))


def refusal(wanted: Any, value: LuaValue) -> ParamError:
    with pytest.raises(ParamError) as caught:
        check(wanted, value)
    return caught.value


def test_only_log_dir_is_needed_and_the_rest_has_defaults() -> None:
    assert logs() == {
        "log_dir": "out",
        "max_file_size": 1_000_000_000,
        "back_pressure": 128_000,
        "compression_level": 0,
        "max_segment_duration": None,
        "meta": [],
        "headers": [],
        "per_record": {},
        "filter_event": None,
        "min_free_space": None,
        "min_free_inodes": None,
    }


def test_every_key_of_configure_local_logs_is_converted() -> None:
    per_record = fields(
        Reception=fields(suffix="_recv", enable=False, log_dir="r", segment_header="#\n"),
        Any=fields(template="{{ id }}"),
        XferIn=LuaTable(),
    )
    absent = {"suffix": None, "log_dir": None, "template": None}
    assert logs(
        max_file_size=1,
        back_pressure=0,
        compression_level=21,
        max_segment_duration="1h 30m",
        meta=array("tenant"),
        headers=array("Subject", "X-*"),
        per_record=per_record,
        filter_event="should_log",
        min_free_space="10%",
        min_free_inodes=5,
    ) == {
        "log_dir": "out",
        "max_file_size": 1,
        "back_pressure": 0,
        "compression_level": 21,
        "max_segment_duration": 5400 * 10**9,
        "meta": ["tenant"],
        "headers": ["Subject", "X-*"],
        "per_record": {
            "Reception": {
                **absent,
                "suffix": "_recv",
                "log_dir": "r",
                "enable": False,
                "segment_header": "#\n",
            },
            "Any": {**absent, "enable": True, "template": "{{ id }}", "segment_header": ""},
            "XferIn": {**absent, "enable": True, "segment_header": ""},
        },
        "filter_event": "should_log",
        "min_free_space": MinFree(percent=10),
        "min_free_inodes": MinFree(bytes=5),
    }


def test_null_is_absence_where_a_key_may_be_nil_and_an_error_elsewhere() -> None:
    assert logs(filter_event=NULL, max_segment_duration=NULL) == logs()
    assert str(refusal(LOCAL_LOGS, fields(max_file_size=NULL))) == (
        "deserialize error: invalid type: Option value, expected u64, "
        'while processing {"max_file_size":null}'
    )


def test_defaults_are_not_shared_between_calls() -> None:
    logs()["headers"].append("Subject")
    assert logs()["headers"] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (LuaTable(), "missing field `log_dir`, while processing {}"),
        (
            fields(log_dir="x", foo=1),
            f"unknown field `foo`, expected one of {LOCAL_LOGS_KEYS}, "
            'while processing {"foo":1,"log_dir":"x"}',
        ),
        (
            fields(log_dir="x", per_record=fields(OOB=fields(dir="y"))),
            "unknown field `dir`, expected one of `suffix`, `log_dir`, `enable`, `template`, "
            "`segment_header`, while processing "
            '{"log_dir":"x","per_record":{"OOB":{"dir":"y"}}}',
        ),
        (
            fields(per_record=fields(reception=LuaTable())),
            f"unknown variant `reception`, expected one of {RECORD_TYPES}, "
            'while processing {"per_record":{"reception":{}}}',
        ),
        (
            fields(per_record=array(LuaTable())),
            'bad enum value, while processing {"per_record":[{}]}',
        ),
        (
            fields(per_record=fields(Any=True)),
            'invalid type: boolean, expected table, while processing {"per_record":{"Any":true}}',
        ),
        (
            fields(log_dir="x", compression_level=22),
            "invalid value: integer `22`, expected 0 to 21, "
            'while processing {"compression_level":22,"log_dir":"x"}',
        ),
        (
            fields(max_segment_duration="300"),
            'invalid value: string "300", expected a duration, '
            'while processing {"max_segment_duration":"300"}',
        ),
        (
            fields(headers="Subject"),
            'invalid type: string, expected table, while processing {"headers":"Subject"}',
        ),
        (
            array("x"),
            'invalid type: integer `1`, expected field identifier, while processing ["x"]',
        ),
        (
            fields(log_dir=FUNCTION),
            "unsupported value type `function`, while processing "
            "<unable to encode as json: cannot serialize <function>>",
        ),
        ("x", 'invalid type: string, expected table, while processing "x"'),
        (None, "invalid type: nil, expected table, while processing null"),
    ],
)
def test_a_refusal_reads_as_kumomtas(value: LuaValue, text: str) -> None:
    assert str(refusal(LOCAL_LOGS, value)) == "deserialize error: " + text


def test_a_refusal_is_an_error_that_kumolog_reports() -> None:
    assert isinstance(refusal(LOCAL_LOGS, None), KumologError)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (fields(logdir="x"), "did you mean `log_dir`?"),
        (fields(Log_Dir="x"), "did you mean `log_dir`?"),
        (fields(max_segment_size=1), "did you mean `max_segment_duration`?"),
        (fields(per_record=fields(oob=LuaTable())), "did you mean `OOB`?"),
        (fields(per_record=fields(Any=fields(enabled=True))), "did you mean `enable`?"),
        (fields(zzz=1), None),
        (LuaTable(), None),
    ],
)
def test_a_misspelt_name_comes_with_the_nearest_right_one(
    value: LuaValue, hint: str | None
) -> None:
    error = refusal(LOCAL_LOGS, value)
    assert error.hint == hint
    assert "did you mean" not in str(error)


def test_keys_are_checked_in_their_order_and_missing_ones_last() -> None:
    both = [("a", 1), ("b", 1)]
    table = ParamTable(
        (Key("x", STRING, required=True), Key("a", STRING), Key("b", BOOL), Key("y", STRING, True))
    )
    assert "expected a string" in str(refusal(table, LuaTable(both)))
    assert "expected a string" in str(refusal(table, LuaTable(both[::-1])))
    assert "missing field `x`" in str(refusal(table, fields(a="s", b=True)))
    assert "missing field `y`" in str(refusal(table, fields(x="s")))


@pytest.mark.parametrize(
    ("names", "text"),
    [("a", "`a`"), ("ab", "`a` or `b`"), ("abc", "one of `a`, `b`, `c`")],
)
def test_the_list_of_known_keys_depends_on_their_number(names: str, text: str) -> None:
    table = ParamTable(tuple(Key(name, STRING) for name in names))
    assert f"unknown field `zz`, expected {text}, while" in str(refusal(table, fields(zz=1)))


def test_an_open_table_ignores_unknown_names_but_no_numbers() -> None:
    table = ParamTable((Key("a", U8, default=3),), closed=False)
    assert check(table, fields(b=FUNCTION)) == {"a": 3}
    assert "integer `1`, expected field identifier" in str(refusal(table, array("x")))


def test_a_table_within_a_table_takes_its_own_defaults() -> None:
    outer = ParamTable((Key("inner", PER_RECORD, default=LuaTable()), Key("n", Nullable(U8))))
    assert check(outer, LuaTable())["inner"]["enable"] is True


@pytest.mark.parametrize(
    ("given_list", "result"),
    [
        (array("a", None, "c"), ["a"]),
        (array(None, "c"), []),
        (array("a", "b"), ["a", "b"]),
    ],
)
def test_a_list_ends_at_its_first_hole(given_list: LuaTable, result: list[str]) -> None:
    assert logs(headers=given_list)["headers"] == result


def test_the_fault_of_the_second_attempt_is_the_one_reported() -> None:
    value = LuaTable([("headers", array("a", None)), ("max_file_size", "big")])
    assert str(refusal(LOCAL_LOGS, value)) == (
        'deserialize error: invalid type: string "big", expected u64, '
        'while processing {"headers":["a"],"max_file_size":"big"}'
    )


def test_the_second_attempt_does_not_see_array_marks() -> None:
    value = fields(log_dir=LuaTable(is_array=True))
    assert str(refusal(LOCAL_LOGS, value)).startswith(
        "deserialize error: invalid type: map, expected path string, "
    )


def test_a_userdata_leaves_one_attempt_and_no_echo() -> None:
    value = LuaTable([("headers", array("a", None)), ("log_dir", USERDATA)])
    text = str(refusal(LOCAL_LOGS, value))
    assert text.startswith(
        "deserialize error: invalid type: unit value, expected a string, while processing "
        "a userdata. Additionally, encountered cannot materialize_to_lua_value"
    )


def test_a_table_that_contains_itself_is_refused() -> None:
    loop = fields(log_dir="x")
    loop.items.append(("filter_event", loop))
    assert str(refusal(LOCAL_LOGS, loop)) == (
        "deserialize error: invalid type: map, expected a string, "
        "while processing a table nested deeper than 128 levels"
    )


integers = st.integers(-(2**63), 2**63 - 1)
words = st.text(max_size=4)
known = st.sampled_from(
    [key.name for table in (LOCAL_LOGS, PER_RECORD) for key in table.keys] + ["Any", "OOB"]
)
leaves = (
    st.booleans()
    | integers
    | st.floats()
    | words
    | known
    | st.sampled_from(["10%", "1h", b"\xff", NULL, FUNCTION, USERDATA, Opaque("thread")])
)
keys = known | words | integers | st.floats(allow_nan=False) | st.booleans() | st.just(b"\xff")


def lua_tables(values: st.SearchStrategy[LuaValue]) -> st.SearchStrategy[LuaTable]:
    pairs = st.lists(st.tuples(keys, values), max_size=5)
    return st.lists(values | st.none(), max_size=3).map(lambda v: array(*v)) | st.builds(
        LuaTable, pairs, st.just([]), st.booleans()
    )


@given(st.recursive(leaves, lua_tables, max_leaves=15))
def test_any_value_is_converted_or_refused(value: LuaValue) -> None:
    try:
        result = check(LOCAL_LOGS, value)
    except ParamError as error:
        assert ", while processing " in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert list(result) == [key.name for key in LOCAL_LOGS.keys]


@given(st.lists(words))
def test_any_list_of_texts_arrives_unchanged(texts: list[str]) -> None:
    assert check(ListOf(STRING), array(*texts)) == texts
