-- The `kumo` table: where the functions of the API are put, and the globals a policy starts with.

local guard, env = ...

local concat, getinfo, gmatch, match, pack, place, rawset, select, tonumber, tostring =
  table.concat, debug.getinfo, string.gmatch, string.match, table.pack, guard.place, rawset, select, tonumber, tostring

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

-- A Python function is told first of all where it was called from.
local function define_function(name, python)
  local f = guard.bridge(python)
  define(name, function(...) return f(place(), ...) end)
end

-- The log functions join their arguments as texts, which only Lua can do.
local function define_log(name, python)
  local write = guard.bridge(python)
  define(name, function(...)
    local texts = { ... }
    for i = 1, select('#', ...) do texts[i] = tostring(texts[i]) end
    write(place() .. ': ' .. concat(texts, ' '))
  end)
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

-- The frames of the policy, from a level on, innermost first; it has no debug library to ask.
define('kumo.traceback', function(level)
  local frames = {}
  local at = (tonumber(level) or 1) + 1
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
  define_function = define_function,
  define_log = define_log,
  define_memoize = define_memoize,
  set_global = function(name, value) rawset(env, name, value) end,
}
