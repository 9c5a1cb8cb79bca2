-- The `kumo` table: where the functions of the API are put, and the globals a policy starts with.

local guard, env = ...

local concat, gmatch, match, place, rawset, select, tostring =
  table.concat, string.gmatch, string.match, guard.place, rawset, select, tostring

local kumo = {}
env.kumo = kumo
env.package.loaded.kumo = kumo

-- Puts a value at a dotted name.
local function define(name, value)
  local parent = kumo
  local path, last = match(name, '^kumo%.(.-)([^.]+)$')
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

return {
  define = define,
  define_function = define_function,
  define_log = define_log,
  set_global = function(name, value) rawset(env, name, value) end,
}
