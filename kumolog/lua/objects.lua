-- Python objects that a policy holds: empty tables, each of which stands for an object's handle, and ask Python.

local guard, values, host = ...

local error, format, metatable_of, setmetatable, tostring =
  error, string.format, debug.getmetatable, setmetatable, tostring

local invoke = guard.bridge(host.invoke)
-- By object, where no policy can change them.
local handles = setmetatable({}, { __mode = 'k' })

-- Handles of objects that nothing reaches any more. A finalizer may run at any moment, so it only takes a note.
local released = {}
local function note(object) released[#released + 1] = handles[object] end

local function take_released()
  local taken = released
  released = {}
  return taken
end

local function text_of(object) return format('%s: %p', metatable_of(object).__name, object) end

-- methods, fields, metamethods: sets of names that Python answers to; refused: what other methods say.
local function define_class(name, methods, fields, metamethods, refused)
  local function no_pairs() error(format('attempt to iterate a %s value', name), 2) end
  local function no_assignment(_, key)
    if fields[key] then error(format('%s of a %s can be read here, but not set', key, name), 2) end
    error(format('%s takes no fields, so %s cannot be set', name, tostring(key)), 2)
  end
  local class = values.class(name,
    { __gc = note, __newindex = no_assignment, __pairs = no_pairs, __tostring = text_of })
  local bound = {}
  for method, text in next, refused do
    bound[method] = function() error(text, 0) end
  end
  for method in next, methods do
    bound[method] = function(self, ...)
      if metatable_of(self) ~= class then
        error(format('%s is a method of a %s: call it as object:%s(...)', method, name, method), 2)
      end
      return invoke(handles[self], method, ...)
    end
  end
  for metamethod in next, metamethods do
    class[metamethod] = function(self, ...)
      local handle = metatable_of(self) == class and handles[self]
      if not handle then error(format('a %s must come first here', name), 2) end
      return invoke(handle, metamethod, ...)
    end
  end
  if metamethods.__pairs then
    class.__pairs = function(self)
      local pairs_of_it, at = invoke(handles[self], '__pairs'), 0
      return function()
        at = at + 1
        local pair = pairs_of_it[at]
        if pair then return pair[1], pair[2] end
      end
    end
  end
  local python_index = class.__index
  class.__index = function(self, key)
    if bound[key] then return bound[key] end
    if fields[key] then return invoke(handles[self], key) end
    if python_index then return python_index(self, key) end
    error(format('attempt to index a %s value (field %q)', name, tostring(key)), 2)
  end
  return class
end

local function new(class, handle)
  local object = {}
  handles[object] = handle
  return setmetatable(object, class)
end

local function handle_of(object) return handles[object] end

-- JSON's null where KumoMTA shows it: true as a condition, and not nil.
local null = setmetatable({}, values.class('null', { __tostring = function() return 'null' end }))

return {
  define_class = define_class,
  handle_of = handle_of,
  is_null = function(value) return value == null end,
  new = new,
  null = null,
  take_released = take_released,
}
