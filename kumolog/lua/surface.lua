-- The `kumo` table: where the functions of the API are put, and the globals a policy starts with.

local guard, env = ...

local concat, error, format, getinfo, gmatch, match, pack, place, rawget, rawset, select, setmetatable, tonumber, tostring, type =
  table.concat, error, string.format, debug.getinfo, string.gmatch, string.match, table.pack, guard.place, rawget, rawset,
  select, setmetatable, tonumber, tostring, type
local math_type, min, next, tointeger = math.type, math.min, next, math.tointeger

local DEEPEST = 1000000 -- Lua's stack holds no more, and counts levels in few bits

-- The names that were last looked for in vain: a call of what is not there is explained by them.
local MOST_MISSED = 100
local missed, times_missed = {}, 0

local function new_module(path)
  local function note(_, key)
    if type(key) ~= 'string' then return end
    missed[times_missed % MOST_MISSED + 1] = path .. '.' .. key
    times_missed = times_missed + 1
  end
  return setmetatable({}, { __index = note })
end

local kumo = new_module 'kumo'
env.kumo = kumo
env.package.loaded.kumo = kumo

-- Puts a value at a dotted name, whose first part is a module to be required.
local function define(name, value)
  local module, path, last = match(name, '^([^.]+)%.(.-)([^.]+)$')
  local loaded = env.package.loaded
  loaded[module] = loaded[module] or new_module(module)
  local parent, name_so_far = loaded[module], module
  for part in gmatch(path, '[^.]+') do
    name_so_far = name_so_far .. '.' .. part
    local inner = rawget(parent, part) or new_module(name_so_far)
    rawset(parent, part, inner)
    parent = inner
  end
  parent[last] = value
end

-- What a function takes out of the tables that it is given, behind its result.
local takes_out = {}

takes_out['kumo.jsonl.new_multi_tailer'] = function(tailer, params)
  for _, consumer in next, rawget(params, 'consumers') do rawset(consumer, 'filter', nil) end
  rawset(params, 'consumers', nil)
  return tailer
end

-- A Python function is told first of all where it was called from. find(name) gives it on the first call: few
-- of all the names are ever called.
local function define_functions(names, find)
  for name in gmatch(names, '%S+') do
    local f
    local function call(...)
      f = f or guard.bridge(find(name))
      return f(place(), ...)
    end
    local take = takes_out[name]
    define(name, take and function(...) return take(call(...), ...) end or call)
  end
end

-- The log functions join their arguments as texts, which only Lua can do.
local function joined(separator, ...)
  local texts = { ... }
  for i = 1, select('#', ...) do texts[i] = tostring(texts[i]) end
  return concat(texts, separator)
end

local function define_log(name, python)
  local write = guard.bridge(python)
  define(name, function(...) write(place() .. ': ' .. joined(' ', ...)) end)
end

-- What is printed goes to Python, like a line of the log.
local function redirect_print(python)
  local write = guard.bridge(python)
  rawset(env, 'print', function(...) write(place() .. ': ' .. joined('\t', ...)) end)
end

-- os.exit ends the process by way of Python; it never returns.
local function allow_exit(python)
  local exit = guard.bridge(python)
  function env.os.exit(status)
    if status == nil then status = true end
    if type(status) == 'boolean' then return exit(status and 0 or 1) end
    local code = tointeger(status)
    if not code then error(format("bad argument #1 to 'exit' (number expected, got %s)", type(status)), 2) end
    exit(code)
  end
end

-- memoize calls the policy's function itself: Python keeps what it gave.
local function define_memoize(open_python, get_python, put_python)
  local open, get, put = guard.bridge(open_python), guard.bridge(get_python), guard.bridge(put_python)
  define('kumo.memoize', function(f, ...)
    local memo = open(place(), f, ...)
    return function(...)
      guard.still_in_time(true) -- a function that memoizes calls of itself runs in here only
      local answer = get('', memo, ...)
      if answer[1] then return answer[2] end
      return put('', memo, answer[2], pack(f(...)))
    end
  end)
end

-- A level as a whole number, cut to one where it is not; texts of numbers count, as in Python's functions.
local function as_level(given)
  local number = tonumber(given)
  local level = number and number >= 0 and tointeger(number - number % 1)
  if level then return min(level, DEEPEST) end
  local kind = math_type(given) == 'integer' and 'integer' or type(given)
  local why = number and 'out of range' or 'expected number or string coercible to number'
  error(format('bad argument #1: error converting Lua %s to usize (%s)', kind, why), 0)
end

-- The frames of the policy, from a level on, innermost first; it has no debug library to ask.
define('kumo.traceback', function(level)
  local frames = {}
  local at = as_level(level) + 1
  local info = getinfo(at, 'nSlt')
  while info and not guard.was_stopped() do
    if info.source ~= guard.OWN_SOURCE then
      frames[#frames + 1] = {
        event = 'unknown',
        name = info.name,
        name_what = info.name and info.namewhat or nil,
        source = info.source,
        short_src = info.short_src,
        line_defined = info.linedefined,
        last_line_defined = info.lastlinedefined,
        what = info.what,
        curr_line = info.currentline,
        is_tail_call = info.istailcall,
      }
    end
    at = at + 1
    info = getinfo(at, 'nSlt')
  end
  return frames
end)

-- Whether the policy catches what is raised now.
local pcall_of_policy, xpcall_of_policy = env.pcall, env.xpcall
local function catches()
  local level = 1
  local info = getinfo(level, 'f')
  while info and not guard.was_stopped() do
    if info.func == pcall_of_policy or info.func == xpcall_of_policy then return true end
    level = level + 1
    info = getinfo(level, 'f')
  end
  return false
end

return {
  allow_exit = allow_exit,
  catches = catches,
  define = define,
  define_functions = define_functions,
  define_log = define_log,
  define_memoize = define_memoize,
  missed = missed,
  redirect_print = redirect_print,
  set_global = function(name, value) rawset(env, name, value) end,
}
