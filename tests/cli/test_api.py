"""``kumolog api``: the Lua API as a list, and as a reference."""

from __future__ import annotations

import pytest

from kumolog.api import surface
from kumolog.cli import main

Captured = pytest.CaptureFixture[str]


def shown(capsys: Captured, *name: str) -> list[str]:
    assert main(["api", *name]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out.splitlines()


def test_every_function_is_listed_with_its_role_and_signature(capsys: Captured) -> None:
    lines = shown(capsys)
    functions = [row for row in surface() if row.kind == "function"]
    assert [line.split()[:2] for line in lines] == [[row.name, row.role] for row in functions]
    assert {row.role for row in functions} == {"live", "inert", "refuse"}
    (split,) = (line for line in lines if line.startswith("kumo.string.split "))
    assert split.endswith("live    (s, separator) -> {string, ...}")


def test_long_signatures_are_cut_in_the_list_only(capsys: Captured) -> None:
    (line,) = (line for line in shown(capsys) if line.startswith("kumo.configure_local_logs "))
    assert line.endswith(" ...")
    assert shown(capsys, "kumo.configure_local_logs")[0].endswith("-> nil")


@pytest.mark.parametrize("name", ["kumo.counter_series.define", "counter_series.define"])
def test_a_function_is_shown_with_its_parameters(capsys: Captured, name: str) -> None:
    heading, *parameters = shown(capsys, name)
    assert heading.startswith("kumo.counter_series.define  live  {name, ")
    assert parameters == [
        "    #1             table     required",
        "    name           string    required",
        "    num_buckets    u8        required",
        "    bucket_size    duration  required",
        "    initial_value  u64       optional",
    ]


def test_parameters_that_may_be_left_out_have_defaults(capsys: Captured) -> None:
    lines = [line.split() for line in shown(capsys, "configure_local_logs")]
    assert ["max_file_size", "u64", "default", "1000000000"] in lines
    assert ["filter_event", "string", "optional"] in lines
    assert ["log_dir", "path", "required"] in lines


def test_what_cannot_be_had_says_why(capsys: Captured) -> None:
    heading, note, *parameters = shown(capsys, "kumo.dns.lookup_mx")
    assert heading.startswith("kumo.dns.lookup_mx  refuse  (domain, ")
    assert note == "    kumolog asks no name server"
    assert len(parameters) == 2


@pytest.mark.parametrize("name", ["kumo.time", "time"])
def test_a_module_shows_its_functions(capsys: Captured, name: str) -> None:
    lines = shown(capsys, name)
    names = [line.split()[0] for line in lines]
    functions = [row.name for row in surface() if row.name.startswith("kumo.time.")]
    assert names[0] == "kumo.time"
    assert [shown for shown in names[1:] if shown.startswith("kumo.")] == functions
    # Without kumo, what makes up an object of that name is meant, too.
    assert any(shown.startswith("time:") for shown in names) == (name == "time")


def test_an_object_shows_its_methods_and_fields(capsys: Captured) -> None:
    names = [line.split()[0] for line in shown(capsys, "address")]
    assert {"address.domain", "address.email", "address.user"} <= set(names)
    assert not [name for name in names if name.startswith("addressheader")]


def test_a_last_part_finds_everything_of_that_name(capsys: Captured) -> None:
    lines = shown(capsys, "split")
    assert [line.split()[0] for line in lines] == ["kumo.string.split", "regex:split"]


def test_methods_and_events_have_parameters_and_results(capsys: Captured) -> None:
    heading, parameter = shown(capsys, "message:set_due")
    assert heading.startswith("message:set_due  ")
    assert parameter.split() == ["#1", "datetime", "optional"]
    assert shown(capsys, "get_queue_config")[1].split() == [
        "return",
        "userdata:queue_config",
        "optional",
    ]


@pytest.mark.parametrize("name", ["LogRecordParams", "struct:LogRecordParams", "type:LogRecordParams"])  # fmt: skip
def test_types_of_parameters_can_be_looked_up(capsys: Captured, name: str) -> None:
    heading, *keys = shown(capsys, name)
    assert heading == "type:LogRecordParams"
    assert "    enable          bool    default true" in keys


def test_the_variants_of_an_enum_are_listed(capsys: Captured) -> None:
    heading, *variants = shown(capsys, "RecordType")
    assert heading == "enum:RecordType"
    assert ["Reception", "unit"] in [line.split() for line in variants]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("kumo.configure_locl_logs", "`kumo.configure_local_logs`"),
        ("configure_locl_logs", "`configure_local_logs`"),
        ("kumo.tiem", "`kumo.time`"),
        ("LogRecordParms", "`LogRecordParams`"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(capsys: Captured, name: str, meant: str) -> None:
    assert main(["api", name]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert f"has nothing named `{name}`: did you mean " in output.err
    assert meant in output.err


@pytest.mark.parametrize("name", ["xyzzyxyzzy", "", "kumo.", ":"])
def test_a_name_like_no_other_is_told_where_to_look(capsys: Captured, name: str) -> None:
    assert main(["api", name]) == 1
    assert "kumolog: error: " in capsys.readouterr().err
