-- The environment a policy lives in: Lua 5.4's standard library as KumoMTA offers it (no debug library,
-- no C modules), with nothing that leads to the host. The real globals stay out of the policy's reach, so
-- that whatever it does to its own _G cannot disturb the host.

local guard, values = ...

local still_in_time, unless_stopped, was_interrupted, watch_coroutine =
  guard.still_in_time, guard.unless_stopped, guard.was_interrupted, guard.watch_coroutine
local concat, error, floor, format, getmetatable, gmatch, gsub, ipairs, is_object, load, open, pairs, pcall, rawequal,
      pack, rawget, rawset, rep, select, setmetatable, sub, tointeger, tostring, type, xpcall =
  table.concat, error, math.floor, string.format, getmetatable, string.gmatch, string.gsub, ipairs, values.is_object,
  load, io.open, pairs, pcall, rawequal, table.pack, rawget, rawset, string.rep, select, setmetatable, string.sub,
  math.tointeger, tostring, type, xpcall

local env = {}

local function copy(from, names)
  local to = {}
  for name in gmatch(names, '%S+') do to[name] = from[name] end
  return to
end

for name, value in pairs(copy(_G, [[_VERSION assert collectgarbage error getmetatable ipairs next pairs
    rawequal rawget rawlen rawset select tonumber tostring warn]])) do
  env[name] = value
end
env._G = env
env.math = copy(math, [[abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger
    modf pi rad random randomseed sin sqrt tan tointeger type ult]])
env.table = copy(table, 'concat insert move pack remove sort unpack')
env.utf8 = copy(utf8, 'char charpattern codepoint codes len offset')
env.io = copy(io, 'close flush input lines open output read stderr stdin stdout tmpfile type write')
env.os = copy(os, 'clock date difftime execute getenv remove rename time tmpname')
-- The string metatable leads to the real table, so it is the one that loses what must not be had.
string.dump = nil
env.string = string

function env.os.exit()
  error('os.exit is not available in kumolog: it would end the host with records unwritten', 2)
end

function env.io.popen()
  error('io.popen is not available in kumolog: use os.execute, or read a file', 2)
end

-- What KumoMTA gives out as userdata says so.
function env.type(...)
  local kind = type(...)
  if kind == 'table' and is_object((...)) then return 'userdata' end
  return kind
end

-- Lua finalises files by what their metatable says: a policy gets a copy of that, to do with as it likes.
local of_files, shown = getmetatable(io.stdout), {}
for name, value in pairs(of_files) do shown[name] = value end
function env.getmetatable(...)
  local metatable = getmetatable(...)
  return rawequal(metatable, of_files) and shown or metatable
end

-- Finalisers never run: Lua runs them without any hook, so that one which loops could not be ended.
function env.setmetatable(...)
  local t, metatable = ...
  local finaliser = type(metatable) == 'table' and rawget(metatable, '__gc')
  if not finaliser then return setmetatable(...) end
  rawset(metatable, '__gc', nil)
  local ok, result = pcall(setmetatable, t, metatable)
  rawset(metatable, '__gc', finaliser)
  if not ok then error(result, 2) end
  return result
end

local LONGEST = 1 << 30 -- bytes; no hook can end the one C call that would fill the memory

function string.rep(s, n, separator, ...)
  local count = tointeger(n)
  if count and count > 0 and type(s) == 'string' then
    local each = #s + (type(separator) == 'string' and #separator or 0)
    if each > LONGEST // count then error('resulting string too large', 2) end
  end
  return rep(s, n, separator, ...)
end

-- What catches errors, or runs code of its own, stays within the time budget.

local create, resume, close = coroutine.create, coroutine.resume, coroutine.close

local function create_watched(f)
  local co = create(f)
  watch_coroutine(co)
  return co
end

env.coroutine = copy(coroutine, 'isyieldable running status yield')
env.coroutine.create = create_watched
function env.coroutine.resume(...) return still_in_time(resume(...)) end
function env.coroutine.close(co)
  if was_interrupted(co) then return false, 'the coroutine had to be interrupted' end
  return still_in_time(close(co))
end
function env.coroutine.wrap(f)
  local co = create_watched(f)
  local function results(ok, ...)
    if ok then return ... end
    error((...), 0)
  end
  return function(...) return results(still_in_time(resume(co, ...))) end
end
function env.pcall(...) return still_in_time(pcall(...)) end
function env.xpcall(f, handler, ...) return still_in_time(xpcall(f, unless_stopped(handler), ...)) end

-- Loading code: text only, and always inside this environment.

function env.load(chunk, name, mode, ...)
  if mode == 'b' then return nil, 'attempt to load a binary chunk: kumolog loads Lua text only' end
  if name == guard.OWN_SOURCE then name = '=(load)' end
  local environment = env
  if select('#', ...) > 0 then environment = (...) end
  return still_in_time(load(chunk, name, 't', environment))
end

-- The methods of files as they are now: a policy can change those that files show.
local stdout = io.stdout
local methods = copy(stdout, 'close flush read write')

-- Lua's own print writes piece by piece where the output is not buffered: several processes would get mixed up
-- within a line.
function env.print(...)
  local texts = pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  methods.write(stdout, concat(texts, '\t') .. '\n')
  methods.flush(stdout)
end

local function read_file(path)
  local file, problem = open(path, 'rb')
  if not file then return nil, problem end
  local source, read_problem = methods.read(file, 'a')
  methods.close(file)
  if not source then return nil, format('cannot read %s: %s', path, read_problem) end
  return source
end

-- Lua shortens the names of chunks in its messages to the last 56 bytes; here is what they stand for.
local LONGEST_NAME, KEPT = 59, 56
local long_names = {}

local load_text = load

local loaded_files = {} -- by path, also what could not be loaded

local function load_file(path, environment)
  loaded_files[path] = true
  local source, problem = read_file(path)
  if not source then return nil, problem end
  if #path > LONGEST_NAME then long_names['...' .. sub(path, -KEPT)] = path end
  source = gsub(source, '^\xef\xbb\xbf', '')
  source = gsub(source, '^#[^\n]*', '')
  return load_text(source, '@' .. path, 't', environment)
end

function env.loadfile(path, mode, ...)
  if path == nil then return nil, "loadfile needs a file name: standard input is the data's" end
  if mode == 'b' then return nil, 'attempt to load a binary chunk: kumolog loads Lua text only' end
  if select('#', ...) == 0 then return load_file(path, env) end
  return load_file(path, (...))
end

function env.dofile(path)
  if path == nil then error("dofile needs a file name: standard input is the data's", 2) end
  local chunk, problem = load_file(path, env)
  if not chunk then error(problem, 0) end
  return chunk()
end

-- require: preloaded modules and Lua files, never C libraries.

local loaded, preload = {}, {}
local searchpath = package.searchpath
local lib = { path = package.path, cpath = '', config = package.config, loaded = loaded, preload = preload }
lib.searchpath = searchpath
lib.searchers = {
  function(name)
    local loader = preload[name]
    if loader then return loader, ':preload:' end
    return format("no field package.preload['%s']", name)
  end,
  function(name)
    local file, tried = searchpath(name, lib.path)
    if not file then return tried end
    local chunk, problem = load_file(file, env)
    if chunk then return chunk, file end
    error(format("error loading module '%s' from file '%s':\n\t%s", name, file, problem), 0)
  end,
}
env.package = lib
for _, name in ipairs { 'string', 'table', 'math', 'utf8', 'io', 'os', 'coroutine', 'package' } do
  loaded[name] = env[name]
end
loaded._G = env

function env.require(name)
  if type(name) ~= 'string' then error('require needs the name of a module', 2) end
  if loaded[name] then return loaded[name] end
  local tried = {}
  for _, searcher in ipairs(lib.searchers) do
    still_in_time(true) -- a table that asks for its elements never ends
    local loader, extra = searcher(name)
    if type(loader) == 'function' then
      local result = loader(name, extra)
      if result ~= nil then loaded[name] = result end
      if loaded[name] == nil then loaded[name] = true end
      return loaded[name], extra
    end
    if type(loader) == 'string' then tried[#tried + 1] = loader end
  end
  error(format("module '%s' not found:\n\t%s", name, concat(tried, '\n\t')), 2)
end

-- What a test puts in the place of the system: its time, and its files; and how the texts of files are loaded.

local function load_files_with(make) load_text = make(load_text) end

-- Seconds since 1970, and seconds that only grow.
local function use_clock(python_wall, python_monotonic)
  local wall, monotonic = guard.bridge(python_wall), guard.bridge(python_monotonic)
  local time, date, started = os.time, os.date, monotonic()
  function env.os.time(...)
    if (...) == nil then return floor(wall()) end
    return time(...)
  end
  function env.os.date(form, at) return date(form or '%c', at or floor(wall())) end
  function env.os.clock() return monotonic() - started end
end

local function is_reading(mode) return mode == nil or mode == 'r' or mode == 'rb' end

-- package.searchpath, with the files that `open` finds.
local function searching(name, path, separator, replacement)
  separator = separator or '.'
  if separator ~= '' then
    name = gsub(name, '%' .. sub(separator, 1, 1), (gsub(replacement or '/', '%%', '%%%%')))
  end
  local tried = {}
  for template in gmatch(path, '[^;]+') do
    local path_of_it = gsub(template, '%?', (gsub(name, '%%', '%%%%')))
    local file = open(path_of_it)
    if file then
      methods.close(file)
      return path_of_it
    end
    tried[#tried + 1] = format("no file '%s'", path_of_it)
  end
  return nil, concat(tried, '\n\t')
end

-- to_read, to_write: give the path of the file that stands for a path.
local function redirect(python_to_read, python_to_write)
  local to_read, to_write = guard.bridge(python_to_read), guard.bridge(python_to_write)
  local lines, input, output, remove, rename, tmpname =
    io.lines, io.input, io.output, os.remove, os.rename, os.tmpname
  local open_file = open
  local function stand_in(path, find) return type(path) == 'string' and find(path) or path end
  function open(path, mode) return open_file(stand_in(path, is_reading(mode) and to_read or to_write), mode) end
  env.io.open = open
  function env.io.lines(path, ...) return lines(stand_in(path, to_read), ...) end
  function env.io.input(file) return input(stand_in(file, to_read)) end
  function env.io.output(file) return output(stand_in(file, to_write)) end
  function env.os.remove(path) return remove(stand_in(path, to_write)) end
  function env.os.rename(from, to) return rename(stand_in(from, to_write), stand_in(to, to_write)) end
  function env.os.tmpname()
    local name = tmpname()
    remove(name)
    return name
  end
  searchpath, lib.searchpath = searching, searching
end

-- Says which commands the policy would have run, and runs none; a shell there is.
local function withhold_commands(python_note)
  local note = guard.bridge(python_note)
  function env.os.execute(command)
    if command == nil then return true end
    note(guard.place(), command)
    return true, 'exit', 0
  end
end

return {
  add_package_path = function(patterns) lib.path = patterns .. ';' .. lib.path end,
  env = env,
  flush = function() methods.flush(stdout) end,
  load_file = load_file,
  loaded_files = loaded_files,
  load_files_with = load_files_with,
  long_names = long_names,
  redirect = redirect,
  use_clock = use_clock,
  withhold_commands = withhold_commands,
}
