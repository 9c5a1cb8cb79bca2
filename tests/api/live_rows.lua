-- One line for each live row of surface.tsv: its name, and something that is true where it works.
-- DIR is an empty directory; is(name, truth) takes a note.

local kumo = require 'kumo'
local sqlite = require 'sqlite'

local function write(name, text)
  local file = assert(io.open(DIR .. '/' .. name, 'w'))
  file:write(text)
  file:close()
  return DIR .. '/' .. name
end

local function refuses(f, ...) return not pcall(f, ...) end
local function gives(list, text) return table.concat(list, '|') == text end
local function memoized(value)
  return kumo.memoize(function() return value end, { name = tostring(value), ttl = '1m', capacity = 1 })()
end

-- The kumo table itself ---------------------------------------------------------------------------

is('kumo', package.loaded.kumo == kumo)
is('kumo.version', kumo.version:match '^%d+%.%d+%.%d+%-%x+$')
is('kumo.available_parallelism', kumo.available_parallelism() >= 1)
is('kumo.bump_config_epoch', kumo.bump_config_epoch() == nil)
is('kumo.reject', refuses(kumo.reject, 550, 'no'))
is('kumo.disconnect', refuses(kumo.disconnect, 421, 'later'))
is('kumo.sleep', kumo.sleep(0) == nil)
is('kumo.traceback', kumo.traceback(1)[1].what == 'main')
is('kumo.memoize', kumo.memoize(function() return 5 end, { name = 'five', ttl = 1, capacity = 1 })() == 5)
for _, level in ipairs { 'debug', 'error', 'info', 'warn' } do
  is('kumo.log_' .. level, kumo['log_' .. level]('a', 1) == nil)
end
is('kumo.set_diagnostic_log_filter', kumo.set_diagnostic_log_filter 'lua=debug' == nil)
is('kumo.validation_failed', kumo.validation_failed() == nil)

kumo.on('task', function() end)
is('kumo.on', refuses(kumo.on, 'task', function() end))
is('kumo.get_event_registrars', #kumo.get_event_registrars 'task' == 1)
is('_KUMO_CURRENT_EVENT', _KUMO_CURRENT_EVENT == nil)
is('_VALIDATING_CONFIG', _VALIDATING_CONFIG == true)

local rules = write('rules.json', '{"rules": {"Mine": ["x"]}}')
kumo.on('init', function()
  is('_KUMO_CURRENT_EVENT', _KUMO_CURRENT_EVENT == 'init')
  is('kumo.configure_local_logs', kumo.configure_local_logs { log_dir = 'l' } == nil)
  is('kumo.configure_log_hook', kumo.configure_log_hook { name = 'h' } == nil)
  is('kumo.configure_log_disposition_hook', refuses(kumo.configure_log_disposition_hook, { name = 'h' }))
  is('kumo.configure_bounce_classifier', kumo.configure_bounce_classifier { files = { rules } } == nil)
  is('kumo.spawn_task', kumo.spawn_task { event_name = 'task', args = {} } == nil)
end)

-- Texts and data ----------------------------------------------------------------------------------

local s = kumo.string
is('kumo.string', s)
is('kumo.string.ends_with', s.ends_with('abc', 'bc'))
is('kumo.string.starts_with', s.starts_with('abc', 'ab'))
is('kumo.string.eval_template', s.eval_template('t', '{{ a }}', { a = 'b' }) == 'b')
is('kumo.string.normalize_smtp_response', s.normalize_smtp_response 'from 10.0.0.1' == 'from {ipaddr}')
is('kumo.string.psl_domain', s.psl_domain 'a.b.co.uk' == 'b.co.uk')
is('kumo.string.psl_suffix', s.psl_suffix 'a.b.co.uk' == 'co.uk')
is('kumo.string.replace', s.replace('a.a', 'a', 'b') == 'b.b')
is('kumo.string.replacen', s.replacen('a.a', 'a', 'b', 1) == 'b.a')
is('kumo.string.split', gives(s.split('a,b,c', ','), 'a|b|c'))
is('kumo.string.splitn', gives(s.splitn('a,b,c', 2, ','), 'a|b,c'))
is('kumo.string.rsplit', gives(s.rsplit('a,b,c', ','), 'c|b|a'))
is('kumo.string.rsplitn', gives(s.rsplitn('a,b,c', 2, ','), 'c|a,b'))
is('kumo.string.split_whitespace', gives(s.split_whitespace ' a\u{2003}b ', 'a|b'))
is('kumo.string.split_ascii_whitespace', gives(s.split_ascii_whitespace ' a\tb ', 'a|b'))
is('kumo.string.trim', s.trim ' a ' == 'a')
is('kumo.string.trim_end', s.trim_end ' a ' == ' a')
is('kumo.string.trim_start', s.trim_start ' a ' == 'a ')
is('kumo.string.wrap', s.wrap('aa bb', 3) == 'aa\r\n\tbb')

local json, toml = write('a.json', '{"a": 1}'), write('a.toml', 'a = 1\n')
is('kumo.serde', kumo.serde)
for _, parent in ipairs { 'kumo', 'kumo.serde' } do
  local from = parent == 'kumo' and kumo or kumo.serde
  is(parent .. '.json_parse', from.json_parse('[7]')[1] == 7)
  is(parent .. '.json_load', from.json_load(json).a == 1)
  is(parent .. '.json_encode', from.json_encode { 1, 'x' } == '[1,"x"]')
  is(parent .. '.json_encode_pretty', from.json_encode_pretty { a = 1 } == '{\n  "a": 1\n}')
  is(parent .. '.toml_parse', from.toml_parse('a = 1').a == 1)
  is(parent .. '.toml_load', from.toml_load(toml).a == 1)
  is(parent .. '.toml_encode', from.toml_encode { a = 1 } == 'a = 1\n')
  is(parent .. '.toml_encode_pretty', from.toml_encode_pretty { a = { 1 } } == 'a = [1]\n')
end
is('kumo.serde.toml_encode_pretty_compact', kumo.serde.toml_encode_pretty_compact { a = {} } == 'a = {}\n')
is('kumo.serde.yaml_parse', kumo.serde.yaml_parse('a: [x]').a[1] == 'x')
is('kumo.serde.yaml_load', kumo.serde.yaml_load(write('a.yaml', 'a: 1')).a == 1)
is('kumo.serde.yaml_encode', kumo.serde.yaml_encode { a = 1 } == 'a: 1\n')

local e = kumo.encode
is('kumo.encode', e)
for code, text in pairs {
  base32 = 'NBUQ====', base32_nopad = 'NBUQ', base32hex = 'D1KG====', base32hex_nopad = 'D1KG',
  base64 = 'aGk=', base64_nopad = 'aGk', base64url = 'aGk=', base64url_nopad = 'aGk', hex = '6869',
} do
  is('kumo.encode.' .. code .. '_encode', e[code .. '_encode'] 'hi' == text)
  is('kumo.encode.' .. code .. '_decode', e[code .. '_decode'](text) == 'hi')
end
is('kumo.encode.charset_encode', e.charset_encode('iso-8859-1', 'é') == '\xe9')
is('kumo.encode.charset_decode', e.charset_decode('iso-8859-1', '\xe9') == 'é')

local digests = {
  crc32 = '414fa339',
  sha1 = '2fd4e1c67a2d28fced849ee1bb76e7391b93eb12',
  sha224 = '730e109bd7a8a32b1cb9d9a09aa2325d2430587ddbc0c38bad911525',
  sha256 = 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592',
  sha384 = 'ca737f1014a48f4c0b6dd43cb177b0afd9e5169367544c494011e3317dbf9a509cb1e5dc1e85a941bbee3d7f2afbc9b1',
  sha512 = '07e547d9586f6a73f73fbac0435ed76951218fb7d0c8d788a309d785436bbb642e93a252a954f23912547d1e8a3b5ed6'
    .. 'e1bfd7097821233fa0538f3db854fee6',
  sha512_256 = 'dd9d67b371519c339ed8dbd25af90e976a1eeefd4ad3d889005e532fc5bef04d',
  sha3_256 = '69070dda01975c8c120c3aada1b282394e7f032fa9cf32f4cb2259a0897dfc04',
  sha3_384 = '7063465e08a93bce31cd89d2e3ca8f602498696e253592ed26f07bf7e703cf328581e1471a7ba7ab119b1a9ebdf8be41',
  sha3_512 = '01dedd5de4ef14642445ba5f5b97c15e47b9ad931326e4b0727cd94cefc44fff23f07bf543139939b49128caf436dc1b'
    .. 'dee54fcb24023a08d9403f9b4bf0d450',
}
is('kumo.digest', kumo.digest)
for name, hex in pairs(digests) do
  is('kumo.digest.' .. name, kumo.digest[name]('The quick brown fox ', 'jumps over the lazy dog').hex == hex)
end
for name, start in pairs { sha1 = 'de7c9b85', sha224 = '88ff8b54', sha256 = 'f7bc83f4', sha384 = 'd7f4727e', sha512 = 'b42af090' } do
  local digest = kumo.digest['hmac_' .. name]({ key_data = 'key' }, 'The quick brown fox jumps over the lazy dog')
  is('kumo.digest.hmac_' .. name, digest.hex:sub(1, 8) == start)
end
local d = kumo.digest.crc32 'hello'
is('digest_result:__tostring', tostring(d) == '3610a686')
is('digest_result.hex', d.hex == '3610a686')
is('digest_result.bytes', d.bytes == '\x36\x10\xa6\x86')
is('digest_result.base32', d.base32 == 'GYIKNBQ=')
is('digest_result.base32_nopad', d.base32_nopad == 'GYIKNBQ')
is('digest_result.base32hex', d.base32hex == '6O8AD1G=')
is('digest_result.base32hex_nopad', d.base32hex_nopad == '6O8AD1G')
is('digest_result.base64', d.base64 == 'NhCmhg==')
is('digest_result.base64_nopad', d.base64_nopad == 'NhCmhg')
is('digest_result.base64url', d.base64url == 'NhCmhg==')
is('digest_result.base64url_nopad', d.base64url_nopad == 'NhCmhg')

is('kumo.crypto', kumo.crypto)
is('kumo.crypto.aws_sign_v4', kumo.crypto.aws_sign_v4({
  access_key = { key_data = 'AKIDEXAMPLE' },
  secret_key = { key_data = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  region = 'us-east-1', service = 'service', method = 'GET', uri = '/', timestamp = '2015-08-30T12:36:00Z',
  headers = { host = 'example.amazonaws.com', ['x-amz-date'] = '20150830T123600Z' },
}).signature == '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31')
is('kumo.secrets', kumo.secrets)
is('kumo.secrets.load', kumo.secrets.load { key_data = 'k' } == 'k')

is('kumo.uuid', kumo.uuid)
for _, version in ipairs { '1', '4', '6', '7' } do
  is('kumo.uuid.new_v' .. version, kumo.uuid['new_v' .. version]().hyphenated:sub(15, 15) == version)
end
local u = kumo.uuid.parse '936DA01F9ABD4D9D80C702AF85C822A8'
is('kumo.uuid.parse', refuses(kumo.uuid.parse, 'x'))
is('uuid:__tostring', tostring(u) == '936da01f-9abd-4d9d-80c7-02af85c822a8')
is('uuid.hyphenated', u.hyphenated == tostring(u))
is('uuid.simple', u.simple == '936da01f9abd4d9d80c702af85c822a8')
is('uuid.braced', u.braced == '{936da01f-9abd-4d9d-80c7-02af85c822a8}')
is('uuid.urn', u.urn == 'urn:uuid:936da01f-9abd-4d9d-80c7-02af85c822a8')
is('uuid.bytes', #u.bytes == 16)

local re = kumo.regex.compile '(l+)(?<o>o)'
is('kumo.regex', kumo.regex)
is('kumo.regex.compile', refuses(kumo.regex.compile, '('))
is('kumo.regex.escape', kumo.regex.escape 'a.b' == 'a\\.b')
is('regex:captures', re:captures('hello').o == 'o' and re:captures('hello')[1] == 'll')
is('regex:find', re:find 'hello' == 'llo')
is('regex:find_all', gives(re:find_all 'hello allo', 'llo|llo'))
is('regex:is_match', re:is_match 'hello')
is('regex:replace', re:replace('hello allo', '$o') == 'heo allo')
is('regex:replace_all', re:replace_all('hello allo', '') == 'he a')
is('regex:replacen', re:replacen('hello allo', 1, '') == 'he allo')
is('regex:split', gives(re:split 'hello you', 'he| you'))

-- Maps, counters and queues -----------------------------------------------------------------------

local nets = kumo.cidr.make_map { ['10.0.0.0/8'] = 'ten' }
is('kumo.cidr', kumo.cidr)
is('kumo.cidr.make_map', refuses(kumo.cidr.make_map, { x = 1 }))
is('cidr_map:__index', nets['10.1.2.3'] == 'ten')
nets['::1'] = 'six'
is('cidr_map:__newindex', nets['::1'] == 'six')
is('cidr_map:__memoize', memoized(nets)['::1'] == 'six')
local domains = kumo.domain_map.new { ['*.a.b'] = 'wild' }
is('kumo.domain_map', kumo.domain_map)
is('kumo.domain_map.new', kumo.domain_map.new()['a.b'] == nil)
is('domain_map:__index', domains['x.a.b'] == 'wild')
domains['c.d'] = 5
is('domain_map:__newindex', domains['c.d'] == 5)
is('domain_map:__memoize', memoized(domains)['c.d'] == 5)
local patterns = kumo.regex_set_map.new { ['^a'] = 'x' }
is('kumo.regex_set_map', kumo.regex_set_map)
is('kumo.regex_set_map.new', refuses(kumo.regex_set_map.new, { ['('] = 1 }))
is('regex_set_map:__index', patterns.abc == 'x')
is('regex_set_map:__memoize', memoized(patterns).abc == 'x')

local cached = memoized { a = 1, b = 2 }
is('memoized_table:__index', cached.a == 1)
is('memoized_table:__len', #cached == 2)
local sum = 0
for _, value in pairs(cached) do sum = sum + value end
is('memoized_table:__pairs', sum == 3)
cached.c = 3
is('memoized_table:__newindex', cached.c == 3)

local counter = kumo.counter_series.define { name = 'c', num_buckets = 2, bucket_size = '1h' }
is('kumo.counter_series', kumo.counter_series)
is('kumo.counter_series.define', counter:sum() == 0)
counter:increment(2)
is('counter_series:increment', counter:sum() == 2)
counter:delta(-1)
is('counter_series:delta', counter:sum() == 1)
counter:observe(9)
is('counter_series:observe', counter:sum() == 9)
is('counter_series:sum', counter:sum() == 9)
is('counter_series:sum_over', counter:sum_over '1h' == 9)

local queue = kumo.mpsc.define('q', 1)
is('kumo.mpsc', kumo.mpsc)
queue:send 'a'
is('kumo.mpsc.define', kumo.mpsc.define('q'):len() == 1)
is('mpsc_queue:send', queue:len() == 1)
is('mpsc_queue:len', queue:len() == 1)
is('mpsc_queue:try_send', queue:try_send 'b' == false)
is('mpsc_queue:send_timeout', refuses(queue.send_timeout, queue, 'b', 0.001))
is('mpsc_queue:is_empty', not queue:is_empty())
is('mpsc_queue:recv', queue:recv() == 'a')
is('mpsc_queue:try_recv', queue:try_recv() == nil)
queue:send 'c'
is('mpsc_queue:recv_many', gives(queue:recv_many(5), 'c'))
is('mpsc_queue:is_closed', not queue:is_closed())
queue:close()
is('mpsc_queue:close', queue:is_closed())

-- Time --------------------------------------------------------------------------------------------

local t = kumo.time.with_ymd_hms(2024, 2, 29, 1, 2, 3)
is('kumo.time', kumo.time)
is('kumo.time.with_ymd_hms', t.unix_timestamp == 1709168523)
is('kumo.time.now', kumo.time.now().year >= 2024)
is('kumo.time.sleep', kumo.time.sleep(0) == nil)
is('kumo.time.from_unix_timestamp', kumo.time.from_unix_timestamp(1709168523) == t)
is('kumo.time.parse_rfc2822', kumo.time.parse_rfc2822 'Thu, 29 Feb 2024 01:02:03 +0000' == t)
is('kumo.time.parse_rfc3339', kumo.time.parse_rfc3339 '2024-02-29T01:02:03Z' == t)
is('time.year', t.year == 2024)
is('time.month', t.month == 2)
is('time.day', t.day == 29)
is('time.hour', t.hour == 1)
is('time.minute', t.minute == 2)
is('time.second', t.second == 3)
is('time.elapsed', t.elapsed.seconds > 0)
is('time.rfc2822', t.rfc2822 == 'Thu, 29 Feb 2024 01:02:03 +0000')
is('time.rfc3339', t.rfc3339 == '2024-02-29T01:02:03+00:00')
is('time.unix_timestamp', t.unix_timestamp == 1709168523)
is('time.unix_timestamp_millis', t.unix_timestamp_millis == 1709168523000)
is('time:format', t:format '%Y%m%d' == '20240229')
is('time:__tostring', tostring(t) == '2024-02-29 01:02:03 UTC')
local delta = kumo.time.parse_duration '1m 30s'
is('kumo.time.parse_duration', delta.seconds == 90)
is('time:__add', (t + delta).second == 33)
is('time:__sub', (t + delta) - t == delta)
is('time:__eq', t == t + (delta - delta))
is('timedelta.human', delta.human == '1m 30s')
is('timedelta.seconds', delta.seconds == 90)
is('timedelta.milliseconds', delta.milliseconds == 90000)
is('timedelta.microseconds', delta.microseconds == 90000000)
is('timedelta.nanoseconds', delta.nanoseconds == 90000000000)
is('timedelta:__add', (delta + delta).seconds == 180)
is('timedelta:__sub', (delta - delta).seconds == 0)
is('timedelta:__eq', delta == kumo.time.parse_duration(90))
is('timedelta:__tostring', tostring(delta) == '1m 30s')
local timer = kumo.time.start_timer 't'
is('kumo.time.start_timer', timer)
is('timer:done', timer:done() >= 0 and timer:done() == nil)
local closed_timer = kumo.time.start_timer 't'
do local _ <close> = closed_timer end
is('timer:__close', closed_timer:done() == nil)

-- Files, databases and addresses of the net -------------------------------------------------------

local file = write('five.txt', 'hello')
is('kumo.fs', kumo.fs)
for _, parent in ipairs { 'kumo', 'kumo.fs' } do
  local from = parent == 'kumo' and kumo or kumo.fs
  is(parent .. '.glob', gives(from.glob(DIR .. '/*.txt'), file))
  is(parent .. '.uncached_glob', gives(from.uncached_glob('*.txt', DIR), 'five.txt'))
  is(parent .. '.read_dir', #from.read_dir(DIR) >= 4)
end
kumo.set_config_monitor_globs { DIR .. '/*.txt' }
is('kumo.set_config_monitor_globs', refuses(kumo.set_config_monitor_globs, { '[' }))
is('kumo.eval_config_monitor_globs', gives(kumo.eval_config_monitor_globs(), file))
local metadata = kumo.fs.metadata_for_path(file)
is('kumo.fs.metadata_for_path', refuses(kumo.fs.metadata_for_path, DIR .. '/nothing'))
is('kumo.fs.symlink_metadata_for_path', kumo.fs.symlink_metadata_for_path(file).len == 5)
is('fs_metadata.len', metadata.len == 5)
is('fs_metadata.size', metadata.size == 5)
is('fs_metadata.is_file', metadata.is_file == true)
is('fs_metadata.is_dir', metadata.is_dir == false)
is('fs_metadata.is_symlink', metadata.is_symlink == false)
is('fs_metadata.readonly', metadata.readonly == false)
is('fs_metadata.mode', metadata.mode & 4095 > 0)
for _, name in ipairs { 'atime', 'ctime', 'mtime' } do
  is('fs_metadata.' .. name, metadata[name].year >= 2024)
end
for _, name in ipairs { 'blksize', 'blocks', 'dev', 'gid', 'ino', 'nlink', 'rdev', 'uid' } do
  is('fs_metadata.' .. name, math.type(metadata[name]) == 'integer')
end
local async = kumo.fs.open(DIR .. '/async', 'w')
async:write 'hello'
async:flush()
is('kumo.fs.open', refuses(kumo.fs.open, DIR .. '/nothing/at/all'))
is('asyncfile:write', kumo.fs.open(DIR .. '/async'):read() == 'hello')
is('asyncfile:flush', kumo.fs.metadata_for_path(DIR .. '/async').len == 5)
async:close()
is('asyncfile:close', refuses(async.flush, async))
local reading = kumo.fs.open(file)
is('asyncfile:seek', reading:seek('set', 3) == 3)
is('asyncfile:read', reading:read() == 'lo')

local db = sqlite.open ':memory:'
is('sqlite', package.loaded.sqlite == sqlite)
is('sqlite.open', db)
is('sqlite_conn:execute', db:execute('SELECT ? + 1', 4)[1] == 5)
db:close()
is('sqlite_conn:close', refuses(db.execute, db, 'SELECT 1'))
is('kumo.dns.ptr_host', kumo.dns.ptr_host '10.0.0.1' == '1.0.0.10.in-addr.arpa')
is('kumo.dns.reverse_ip', kumo.dns.reverse_ip '10.0.0.1' == '1.0.0.10')
is('kumo.http.build_url', kumo.http.build_url('http://x/', { a = 'b c' }) == 'http://x/?a=b+c')

-- Segments ----------------------------------------------------------------------------------------

local segments = DIR .. '/segments'
local writer = kumo.jsonl.new_writer { log_dir = segments }
writer:write_line '{"a": 1}'
writer:write_record { a = 2 }
writer:close()
is('kumo.jsonl', kumo.jsonl)
is('kumo.jsonl.new_writer', #kumo.fs.read_dir(segments) == 1)
is('log_writer:close', refuses(writer.write_line, writer, '{}'))
local closed_writer = kumo.jsonl.new_writer { log_dir = DIR .. '/others' }
do local _ <close> = closed_writer end
is('log_writer:__close', refuses(closed_writer.write_line, closed_writer, '{}'))

local tailer = kumo.jsonl.new_tailer { directory = segments, max_batch_latency = '1ms', checkpoint_name = 'c' }
for batch in tailer:batches() do
  is('kumo.jsonl.new_tailer', batch)
  is('log_tailer:batches', batch)
  is('log_batch:consumer_name', batch:consumer_name() == 'default')
  is('log_writer:write_line', batch:records()[1].a == 1)
  is('log_writer:write_record', batch:records()[2].a == 2)
  is('log_batch:records', #batch:records() == 2)
  is('log_batch:iter_records', batch:iter_records()().a == 1)
  batch:commit()
  is('log_batch:commit', #batch:records() == 0)
  tailer:close()
end
is('log_tailer:close', tailer:batches()() == nil)
local closed_tailer = kumo.jsonl.new_tailer { directory = segments }
do local _ <close> = closed_tailer end
is('log_tailer:__close', closed_tailer:batches()() == nil)

local consumers = { { name = 'a', max_batch_latency = '1ms' } }
local multi = kumo.jsonl.new_multi_tailer { directory = segments, consumers = consumers }
for batches in multi:batches() do
  is('kumo.jsonl.new_multi_tailer', batches[1]:consumer_name() == 'a')
  is('multi_tailer:batches', #batches == 1)
  multi:close()
end
is('multi_tailer:close', multi:batches()() == nil)
local closed_multi = kumo.jsonl.new_multi_tailer { directory = segments, consumers = { { name = 'a' } } }
do local _ <close> = closed_multi end
is('multi_tailer:__close', closed_multi:batches()() == nil)

-- Messages ----------------------------------------------------------------------------------------

local HEADERS = {
  'From: "J. Doe" <j@a.com>', 'To: x@b.com, Y <y@c.com>', 'Subject: =?utf-8?q?h=C3=A9?=', 'X-One: 1',
  'X-Two: 2', 'X-Schedule: {"first_attempt": "2030-01-01T00:00:00Z"}', 'Message-ID: <i@d>',
  'References: <r@d> <s@d>', 'Mime-Version: 1.0', 'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit', 'Content-Disposition: inline', 'Content-ID: <c@d>', 'Comments: note',
  'Cc: cc@d.com', 'Bcc: bcc@d.com', 'Reply-To: re@d.com', 'Sender: se@d.com', 'Resent-From: rf@d.com',
  'Resent-To: rt@d.com', 'Resent-Cc: rc@d.com', 'Resent-Bcc: rb@d.com', 'Resent-Sender: rs@d.com',
  'Authentication-Results: mx.d.com; dkim=pass header.d=d.com',
}
local DATA = table.concat(HEADERS, '\r\n') .. '\r\n\r\nbody\r\n'
local function message(data) return kumo.make_message('s@a.com', 'r@B.com', data or DATA) end

local m = message()
is('kumo.make_message', refuses(kumo.make_message, 'bad address', 'r@b.com', ''))
is('message:id', #m:id() == 32)
is('message:sender', m:sender().email == 's@a.com')
is('message:recipient', m:recipient().user == 'r')
is('message:recipient_list', #m:recipient_list() == 1)
is('message:get_data', m:get_data() == DATA)
is('message:queue_name', m:queue_name() == 'b.com')
is('message:num_attempts', m:num_attempts() == 0)
m:increment_num_attempts()
is('message:increment_num_attempts', m:num_attempts() == 1)
is('message:get_meta', m:get_meta 'x' == nil)
m:set_meta('x', { 1 })
is('message:set_meta', m:get_meta('x')[1] == 1)
is('message:from_header', m:from_header().email == 'j@a.com')
is('message:to_header', #m:to_header().list == 2)
is('message:get_address_header', m:get_address_header('Cc').user == 'cc')
is('message:get_all_headers', m:get_all_headers()[1][1] == 'From')
is('message:get_first_named_header_value', m:get_first_named_header_value 'subject' == 'hé')
is('message:get_all_named_header_values', gives(m:get_all_named_header_values 'x-one', '1'))
is('message:parse_rfc3464', m:parse_rfc3464() == nil)
is('message:parse_rfc5965', m:parse_rfc5965() == nil)
is('message:shrink', m:shrink() == false)
is('message:shrink_data', m:shrink_data() == false)
is('message:set_due', refuses(m.set_due, m, 'soon'))
is('message:set_scheduling', m:set_scheduling { expires = '2030-01-01T00:00:00Z' })
is('message:import_scheduling_header', m:import_scheduling_header('X-Schedule', true))
is('message:check_fix_conformance', m:check_fix_conformance('MISSING_DATE_HEADER', ''))
m:import_x_headers()
is('message:import_x_headers', m:get_meta 'x_one' == '1')
m:import_headers { { name = 'Subject', target = 'about' } }
is('message:import_headers', m:get_meta 'about' == 'hé')
m:remove_x_headers()
is('message:remove_x_headers', m:get_first_named_header_value 'x-two' == nil)
m:remove_all_named_headers 'Comments'
is('message:remove_all_named_headers', m:get_first_named_header_value 'comments' == nil)
m:prepend_header('First', '1')
is('message:prepend_header', m:get_all_headers()[1][1] == 'First')
m:append_header('Last', '2')
is('message:append_header', m:get_first_named_header_value 'last' == '2')
m:set_sender 't@e.com'
is('message:set_sender', m:sender().email == 't@e.com')
m:set_recipient { 'v@f.com', 'w@f.com' }
is('message:set_recipient', #m:recipient() == 2)
is('message:append_text_plain', m:append_text_plain 'more' == true)
is('message:append_text_html', m:append_text_html 'more' == false)
m:set_data 'Subject: new\r\n\r\n'
is('message:set_data', m:get_data() == 'Subject: new\r\n\r\n')

local address = message():sender()
is('address.email', address.email == 's@a.com')
is('address.user', address.user == 's')
is('address.domain', address.domain == 'a.com')
is('address:__tostring', tostring(address) == 's@a.com')
local from = message():from_header()
is('addressheader.email', from.email == 'j@a.com')
is('addressheader.user', from.user == 'j')
is('addressheader.domain', from.domain == 'a.com')
is('addressheader.name', from.name == 'J. Doe')
is('addressheader.list', #from.list == 1)
is('addressheader:__tostring', tostring(from):find('j@a.com', 1, true))
local second = message():to_header().list[2]
is('headeraddress.email', second.email == 'y@c.com')
is('headeraddress.user', second.user == 'y')
is('headeraddress.domain', second.domain == 'c.com')
is('headeraddress.name', second.name == 'Y')
is('headeraddress:__tostring', tostring(second) == '{"name":"Y","address":"y@c.com"}')

local part = message():parse_mime()
is('message:parse_mime', part.body == 'body\r\n')
is('kumo.mimepart', kumo.mimepart)
is('kumo.mimepart.parse', kumo.mimepart.parse(DATA).body == part.body)
is('mimepart.body', part.body == 'body\r\n')
is('mimepart.id', type(part.id) == 'string')
is('mimepart:__tostring', tostring(part):find 'body')
is('mimepart:get_simple_structure', part:get_simple_structure().text_part.body == part.body)

local h = part.headers
is('mimepart.headers', h)
is('headermap:__tostring', tostring(h):find('From: ', 1, true))
is('headermap:iter', h:iter('x-two')().name == 'X-Two')
is('headermap:get_first_named', h:get_first_named('subject').value == 'hé')
is('headermap:subject', h:subject() == 'hé')
is('headermap:comments', h:comments() == 'note')
is('headermap:mime_version', h:mime_version() == '1.0')
is('headermap:message_id', h:message_id() == 'i@d')
is('headermap:content_id', h:content_id() == 'c@d')
is('headermap:references', gives(h:references(), 'r@d|s@d'))
is('headermap:content_type', h:content_type().parameters.charset == 'utf-8')
is('headermap:content_disposition', h:content_disposition().value == 'inline')
is('headermap:content_transfer_encoding', h:content_transfer_encoding().value == '8bit')
is('headermap:sender', h:sender().address.local_part == 'se')
is('headermap:resent_sender', h:resent_sender().address.local_part == 'rs')
is('headermap:to', #h:to() == 2)
for name, user in pairs {
  from = 'j', cc = 'cc', bcc = 'bcc', reply_to = 're', resent_from = 'rf', resent_to = 'rt', resent_cc = 'rc',
  resent_bcc = 'rb',
} do
  is('headermap:' .. name, h[name](h)[1].address.local_part == user)
end

local function header(name) return h:get_first_named(name) end
is('header.name', header('subject').name == 'Subject')
is('header.value', header('subject').value == 'hé')
is('header.raw_value', header('subject').raw_value == '=?utf-8?q?h=C3=A9?=')
is('header.unstructured', header('subject').unstructured == 'hé')
is('header.address_list', #header('to').address_list == 2)
is('header.mailbox_list', header('from').mailbox_list[1].name == 'J. Doe')
is('header.message_id', header('message-id').message_id == 'i@d')
is('header.message_id_list', #header('references').message_id_list == 2)
is('header.mime_params', header('content-type').mime_params.value == 'text/plain')
is('header.authentication_results', header('authentication-results').authentication_results)
is('header:__tostring', tostring(header 'x-one'):find('X-One: 1', 1, true) == 1)
