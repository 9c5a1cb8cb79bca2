"""Names that are not there, and what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import SaidBy

from kumolog.errors import PolicyError

FUNCTIONS = {
    "kumo.configure_local_log {}": "`kumo.configure_local_log`: did you mean `kumo.configure_local_logs`?",
    "kumo.strings.split('a', 'b')": "`kumo.strings`: did you mean `kumo.string`?",
    "kumo.string.spilt('a', 'b')": "`kumo.string.spilt`: did you mean `kumo.string.split`?",
    "kumo.split('a', 'b')": "`kumo.split`: did you mean `kumo.string.split`?",
    "kumo.string.glob '*'": "`kumo.string.glob`: did you mean `kumo.fs.glob`?",
    "require('sqlite').opn 'x'": "`sqlite.opn`: did you mean `sqlite.open`?",
    "local spool = kumo.defin_spool spool {}": "`kumo.defin_spool`: did you mean `kumo.define_spool`?",
    "kumo.api.admin.suspend.lst()": "`kumo.api.admin.suspend.lst`: did you mean `kumo.api.admin.suspend.list`?",
    "local start = kumo.start_esmtp_listner start {}": "`kumo.start_esmtp_listner`: did you mean `kumo.start_esmtp_listener`?",
    "kumo.frobnicate()": "`kumo.frobnicate`: `kumolog api` lists all there are",
}


@pytest.mark.parametrize("call", FUNCTIONS)
def test_a_misspelt_function_is_no_such_function(said_by: SaidBy, call: str) -> None:
    with pytest.raises(PolicyError, match=r"lua:\d: attempt to (call|index) a nil") as caught:
        said_by(call)
    assert str(caught.value).partition(": no such function as ")[2] == FUNCTIONS[call]


def test_of_the_policys_own_tables_nothing_is_known(said_by: SaidBy) -> None:
    said_by("if kumo.brand_new then error() end")
    with pytest.raises(PolicyError, match=r"\(field 'split'\)$"):
        said_by("local mine = {} mine.split('a', 'b')")


def test_a_misspelt_method_is_no_such_method(said_by: SaidBy) -> None:
    message = "local m = kumo.make_message('a@b.com', 'c@d.com', '')"
    with pytest.raises(PolicyError, match=r"no such method, did you mean `message:get_meta`\?$"):
        said_by(f"{message} m:get_mta 'x'")
    with pytest.raises(PolicyError, match=r"\(method 'frobnicate'\)$"):
        said_by(f"{message} m:frobnicate()")


MEMBERS = {
    "kumo.regex.compile('x'):is_mach 'x'": "regex:is_match",
    "kumo.mpsc.define('q'):recvv()": "mpsc_queue:recv",
    "return kumo.time.now().unix_timestmp": "time.unix_timestamp",
    "kumo.http.build_client({}):gett 'http://x'": "http_client:get",
    "kumo.make_throttle('t', '1/s'):throtle()": "throttle:throttle",
}


@pytest.mark.parametrize("use", MEMBERS)
def test_what_an_object_lacks_is_not_there_but_what_is_most_like_it(
    said_by: SaidBy, use: str
) -> None:
    with pytest.raises(PolicyError, match=r"attempt to index a \w+ value") as caught:
        said_by(use)
    assert str(caught.value).endswith(f": did you mean `{MEMBERS[use]}`?")
    with pytest.raises(PolicyError, match=r'\(field "frobnicate"\)$'):
        said_by("kumo.regex.compile('x'):frobnicate()")


def test_a_misspelt_key_of_any_table_is_named_with_what_is_right(said_by: SaidBy) -> None:
    for call, right in (
        ("kumo.make_queue_config { egres_pool = 'x' }", "egress_pool"),
        ("kumo.start_esmtp_listener { listn = ':25' }", "listen"),
        ("kumo.make_egress_path { enable_tls = 'Requird' }", "Required"),
    ):
        with pytest.raises(PolicyError) as caught:
            said_by(call)
        assert str(caught.value).endswith(f"}} (did you mean `{right}`?)")


def test_names_can_be_probed_for_without_end(said_by: SaidBy) -> None:
    probe = "for n = 1, 1000 do assert(kumo['f' .. n] == nil and kumo[n] == nil) end"
    with pytest.raises(PolicyError, match=r"no such function as `kumo\.f1001`"):
        said_by(f"{probe} kumo.f1001()")


def test_a_module_of_kumomta_that_is_not_there_is_asked_for(
    said_by: SaidBy, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError, match="put a copy of it beside the policy"):
        said_by("require 'policy-extras.shaping'")
