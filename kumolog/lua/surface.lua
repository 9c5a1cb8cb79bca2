-- The `kumo` table: where the functions of the API are put, and the globals a policy starts with.

local guard, env = ...

local concat, error, format, getinfo, gmatch, match, pack, place, rawset, select, tonumber, tostring, type =
  table.concat, error, string.format, debug.getinfo, string.gmatch, string.match, table.pack, guard.place, rawset,
  select, tonumber, tostring, type
local math_type, min, tointeger = math.type, math.min, math.tointeger

local DEEPEST = 1000000 -- Lua's stack holds no more, and counts levels in few bits

local kumo = {}
env.kumo = kumo
env.package.loaded.kumo = kumo

-- Puts a value at a dotted name, whose first part is a module to be required.
local function define(name, value)
  local module, path, last = match(name, '^([^.]+)%.(.-)([^.]+)$')
  local loaded = env.package.loaded
  loaded[module] = loaded[module] or {}
  local parent = loaded[module]
  for part in gmatch(path, '[^.]+') do
    parent[part] = parent[part] or {}
    parent = parent[part]
  end
  parent[last] = value
end

-- A Python function is told first of all where it was called from. find(name) gives it on the first call: few
-- of all the names are ever called.
local function define_functions(names, find)
  for name in gmatch(names, '%S+') do
    local f
    define(name, function(...)
      f = f or guard.bridge(find(name))
      return f(place(), ...)
    end)
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
  while info do
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

return {
  define = define,
  define_functions = define_functions,
  define_log = define_log,
  define_memoize = define_memoize,
  redirect_print = redirect_print,
  set_global = function(name, value) rawset(env, name, value) end,
}
