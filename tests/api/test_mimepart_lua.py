"""kumo.mimepart as a policy uses it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kumolog.api.mimepart import parse
from kumolog.api.registry import Registry
from kumolog.lua.runtime import Runtime

POLICY = """
local part = kumo.mimepart.parse(table.concat({
  'From: Anna <anna@example.org>, bert@example.org', 'Subject: Gr\\u{fc}\\u{df}e', 'X-A: 1', 'x-a: 2',
  'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Transfer-Encoding: base64', '', 'aGVsbG8=',
  '--b', 'Content-Type: image/gif; name=dot.gif', '', 'GIF\\xff', '--b--', '' }, '\\r\\n'))
local found = part:get_simple_structure()
assert(found.text_part.body == 'hello' and found.text_part.id == '0')
assert(found.html_part == nil)
assert(#found.attachments == 1)
assert(found.attachments[1].file_name == 'dot.gif' and found.attachments[1].inline == false)
assert(found.attachments[1].part.body == 'GIF\\xff\\r\\n')
assert(found.header_part.headers:subject() == 'Gr\\u{fc}\\u{df}e')
local from = part.headers:from()
assert(#from == 2 and from[1].name == 'Anna' and from[1].address.domain == 'example.org')
assert(from[2].name == nil and from[2].address.local_part == 'bert')
assert(part.headers:cc() == nil)
assert(part.headers:content_type().parameters.boundary == 'b')
local seen = {}
for header in part.headers:iter('X-A') do seen[#seen + 1] = tostring(header) end
assert(table.concat(seen) == 'X-A: 1\\r\\nx-a: 2\\r\\n')
local names = 0
for header in part.headers:iter() do names = names + #header.name end
assert(names == #'FromSubjectX-Ax-aContent-Type')
assert(tostring(part):sub(1, 5) == 'From:')
assert(tostring(part.headers):sub(-12) == 'boundary=b\\r\\n')
local ok, problem = pcall(function() return part.headers:get_first_named('subject').message_id end)
assert(not ok and problem:find('ids such as', 1, true), problem)
assert(not pcall(function() part.body = 'other' end))
"""


def test_a_policy_reads_a_message(tmp_path: Path) -> None:
    runtime = Runtime({}, {"column": print, "get_meta": print, "set_meta": print}, [], 5.0)
    registry = Registry(lambda _level, _text: None, None)
    runtime.define("kumo.mimepart.parse", partial(parse, registry))
    policy = tmp_path / "init.lua"
    policy.write_text(POLICY)
    runtime.run_file(policy)
