"""kumo.configure_local_logs as a policy calls it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import RunPolicy, init

from kumolog.errors import PolicyError
from kumolog.host import Host
from kumolog.policy import Policy


def refusal(tmp_path: Path, arguments: str) -> str:
    """The text that pcall gives the policy for such a call."""
    texts: list[str] = []
    (tmp_path / "init.lua").write_text(
        init(
            f"local ok, text = pcall(kumo.configure_local_logs, {arguments}) kumo.log_info(ok, text)"
        )
    )
    policy = Policy(tmp_path / "init.lua", lambda _level, text: texts.append(text.split(": ", 1)[1]),
                    make_directory=lambda _path: None)  # fmt: skip
    policy.load()
    assert policy.registry.local_logs == []
    return texts[0].removeprefix("false ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("{}", "missing field `log_dir`"),
        ("{ log_dir = 'x', foo = 1 }", "unknown field `foo`"),
        ("{ log_dir = 5 }", "invalid type"),
        ("{ log_dir = 'x', max_file_size = 1e9 }", "invalid type: floating point"),
        ("{ log_dir = 'x', max_file_size = '10' }", "invalid type: string"),
        ("{ log_dir = 'x', max_file_size = -1 }", "invalid value"),
        ("{ log_dir = 'x', headers = 'Subject' }", "invalid type: string"),
        ("{ log_dir = 'x', max_segment_duration = '300' }", "invalid value"),
        ("{ log_dir = 'x', per_record = { Foo = {} } }", "unknown variant `Foo`"),
        ("{ log_dir = 'x', per_record = { Any = { sufix = 'x' } } }", "unknown field `sufix`"),
        ("{ log_dir = 'x', meta = { print } }", ""),
        ("{ log_dir = '\\xff', foo = { [{}] = 1 } }", ""),
        ("nil", ""),
        ("'x'", ""),
        ("print", ""),
        ("(function() local t = {} t.log_dir = t return t end)()", ""),
    ],
)
def test_what_a_policy_catches_begins_as_kumomtas_text(
    tmp_path: Path, arguments: str, reason: str
) -> None:
    text = refusal(tmp_path, arguments)
    assert text.startswith("deserialize error: ") or not reason
    assert reason in text
    assert ".py" not in text


def test_uncaught_it_begins_with_the_place_and_names_the_nearest_key(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(
        init("\nkumo.configure_local_logs { log_dir = 'x', max_filesize = 1 }")
    )
    with pytest.raises(PolicyError) as caught:
        Host.open(tmp_path / "init.lua", root=tmp_path, rejects=tmp_path / "rejects")
    assert str(caught.value).startswith(
        f"{tmp_path}/init.lua:4: deserialize error: unknown field `max_filesize`"
    )
    assert "max_file_size" in str(caught.value)


@pytest.mark.parametrize("where", ["load", "handler", "shutdown"])
def test_only_the_start_of_a_policy_may_configure_loggers(
    run_policy: RunPolicy, tmp_path: Path, where: str
) -> None:
    call = "kumo.configure_local_logs { log_dir = 'late' }"
    message = "kumo.configure_local_logs must be called while the policy starts: put it inside kumo.on('init'"
    if where == "load":
        with pytest.raises(PolicyError) as caught:
            run_policy(f"\n{call}")
        assert str(caught.value).startswith(f"{tmp_path}/init.lua:2: {message}")
        return
    event = {"handler": "keep", "shutdown": "shutdown_logging"}[where]
    source = init("kumo.configure_local_logs { log_dir = 'a', filter_event = 'keep' }",
                  f"kumo.on('{event}', function() {call} end)")  # fmt: skip
    if where == "shutdown":
        source += "kumo.on('keep', function() end)"
    logged = run_policy(source, [{"type": "Delivery"}])
    told = [reject["error"] for reject in logged.rejects] + [text for _, text in logged.diagnostics]
    assert len(told) == 1
    assert message in told[0]
    assert not (logged.root / "late").exists()


def test_pre_init_may_configure_loggers_too(run_policy: RunPolicy) -> None:
    source = (
        "kumo.on('pre_init', function() kumo.configure_local_logs({ log_dir = 'a' }, 'more') end)"
    )
    assert len(run_policy(source, [{"type": "Delivery"}]).records("a")) == 1


def test_every_call_is_one_more_logger_in_call_order(tmp_path: Path) -> None:
    made: list[str] = []
    (tmp_path / "init.lua").write_text(
        init(
            "for _, d in ipairs { 'b', 'a', 'b' } do kumo.configure_local_logs { log_dir = d } end"
        )
    )
    policy = Policy(tmp_path / "init.lua", lambda _level, _text: None, make_directory=made.append)
    policy.load()
    assert (
        [logs.params["log_dir"] for logs in policy.registry.local_logs] == made == ["b", "a", "b"]
    )
    assert {logs.place for logs in policy.registry.local_logs} == {f"{tmp_path}/init.lua:3"}


def test_the_directory_is_made_and_what_hinders_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "init.lua").write_text(init("kumo.configure_local_logs { log_dir = 'file/below' }"))
    with pytest.raises(
        PolicyError, match=r"init\.lua:3: creating log_dir .*/file/below: Not a directory"
    ):
        Host.open(tmp_path / "init.lua", root=tmp_path, rejects=tmp_path / "rejects")


def test_a_template_that_does_not_compile_is_an_error_of_the_call(tmp_path: Path) -> None:
    text = refusal(
        tmp_path, "{ log_dir = 'x', per_record = { Bounce = { template = '{{ nope' } } }"
    )
    assert "compiling template:" in text
    assert "Bounce" in text


def test_while_checking_all_problems_are_gathered(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(
        init(
            "kumo.configure_local_logs { log_dir = 'a', foo = 1 }\nkumo.configure_local_logs { log_dir = 'b' }\n"
            "kumo.configure_local_logs {}"
        )
    )
    policy = Policy(tmp_path / "init.lua", lambda _level, _text: None, validating=True)
    policy.load()
    assert [problem.split(": ", 2)[:2] for problem in policy.registry.problems] == [
        [f"{tmp_path}/init.lua:3", "deserialize error"],
        [f"{tmp_path}/init.lua:5", "deserialize error"],
    ]
    assert [logs.params["log_dir"] for logs in policy.registry.local_logs] == ["b"]
    assert not (tmp_path / "b").exists()
