-- Spies, stubs and mocks, as luassert has them: functions that remember how they were called.

local _, sandbox, _, _, compare, show, assert_room = ...

local concat, error, format, metatable_of, next, pack, rawget, same, select, setmetatable, type, unpack =
  table.concat, error, string.format, debug.getmetatable, next, table.pack, rawget, compare.same, select, setmetatable,
  type, table.unpack
local define = assert_room.define

local Spy = { __name = 'spy' }
local spy, stub, mock = {}, {}, {}

-- What replaced a function in a table, in order, so that it can be put back.
local replaced = {}

local function is_callable(value)
  local metatable = metatable_of(value)
  return type(value) == 'function' or type(metatable) == 'table' and rawget(metatable, '__call') ~= nil
end

-- Arguments as they are now: the function may change them later.
local function copied(value, copies)
  if type(value) ~= 'table' or metatable_of(value) then return value end
  if copies[value] then return copies[value] end
  local copy = {}
  copies[value] = copy
  for key, item in next, value do copy[key] = copied(item, copies) end
  return copy
end

local function copied_all(packed)
  local copies, all = {}, { n = packed.n }
  for i = 1, packed.n do all[i] = copied(packed[i], copies) end
  return all
end

function Spy.__call(self, ...)
  local arguments = pack(...)
  local call = { vals = copied_all(arguments), refs = arguments }
  self.calls[#self.calls + 1] = call
  local results = pack(self.callback(...))
  call.returned = results
  return unpack(results, 1, results.n)
end

local methods = {}
Spy.__index = methods

function methods.clear(self)
  self.calls = {}
  return self
end

function methods.revert(self)
  if self.owner then self.owner[self.key] = self.original end
  self.owner = nil
  return self.original
end

local function new(callback)
  return setmetatable({ calls = {}, callback = callback }, Spy)
end

function spy.new(callback)
  if callback == nil then callback = function() end end
  if not is_callable(callback) then error('spy.new needs a function, got ' .. show.short(callback), 2) end
  return new(callback)
end

function spy.is_spy(value) return type(value) == 'table' and metatable_of(value) == Spy end

local function replace(what, owner, key, callback)
  if type(owner) ~= 'table' then
    error(format('%s needs the table that holds the function, got %s', what, show.short(owner)), 3)
  end
  local double = new(callback or owner[key])
  double.owner, double.key, double.original = owner, key, owner[key]
  owner[key] = double
  replaced[#replaced + 1] = double
  return double
end

function spy.on(owner, key)
  if type(owner) == 'table' and not is_callable(owner[key]) then
    error(format('spy.on needs a function in the table at %s, there is %s', show.short(key), show.short(owner[key])), 2)
  end
  return replace('spy.on', owner, key)
end

local function same_values(expected, actual)
  for i = 1, expected.n > actual.n and expected.n or actual.n do
    if not same(expected[i], actual[i]) then return false end
  end
  return true
end

-- Stubs answer what they are told to, and do nothing else.

local function answering(double)
  local default, by_arguments = function() end, {}
  local function returning(...)
    local results = pack(...)
    return function() return unpack(results, 1, results.n) end
  end
  local function setters(set)
    return {
      returns = function(...) set(returning(...)) return double end,
      invokes = function(f) set(f) return double end,
    }
  end
  double.by_default = setters(function(f) default = f end)
  double.returns, double.invokes = double.by_default.returns, double.by_default.invokes
  function double.on_call_with(...)
    local expected = pack(...)
    return setters(function(f) by_arguments[#by_arguments + 1] = { expected, f } end)
  end
  function double.callback(...)
    local given = pack(...)
    for i = #by_arguments, 1, -1 do
      if same_values(by_arguments[i][1], given) then return by_arguments[i][2](...) end
    end
    return default(...)
  end
  return double
end

function stub.new(owner, key, ...)
  local double
  if owner == nil then
    double = new()
  else
    double = replace('stub', owner, key, function() end)
  end
  answering(double)
  if select('#', ...) == 1 and type((...)) == 'function' then double.invokes((...))
  elseif select('#', ...) > 0 then double.returns(...) end
  return double
end

-- A mock is a table whose functions are all spied upon, or stubbed.

local function each_function(owner, act, visited)
  visited = visited or {}
  if visited[owner] then return owner end
  visited[owner] = true
  for _, key in ipairs(compare.sorted_keys(owner)) do
    local value = owner[key]
    if spy.is_spy(value) or type(value) == 'function' then act(owner, key, value)
    elseif type(value) == 'table' then each_function(value, act, visited) end
  end
  return owner
end

function mock.new(owner, with_stubs)
  if type(owner) ~= 'table' then error('mock needs a table, got ' .. show.short(owner), 2) end
  return each_function(owner, function(where, key, value)
    if spy.is_spy(value) then return end
    if with_stubs then stub.new(where, key) else spy.on(where, key) end
  end)
end

local function on_spies(method)
  return function(owner)
    return each_function(owner, function(_, _, value)
      if spy.is_spy(value) then value[method](value) end
    end)
  end
end
mock.clear, mock.revert = on_spies('clear'), on_spies('revert')

for kind, new_one in next, { [spy] = spy.new, [stub] = stub.new, [mock] = mock.new } do
  setmetatable(kind, { __metatable = false, __call = function(_, ...) return new_one(...) end })
end

-- Putting back -----------------------------------------------------------------------------------------

local function mark() return #replaced end
local function revert_to(count)
  for i = #replaced, count + 1, -1 do
    replaced[i]:revert()
    replaced[i] = nil
  end
end

function assert_room.assert.snapshot()
  local count = mark()
  return { revert = function() revert_to(count) end }
end

-- Assertions -------------------------------------------------------------------------------------------

local MOST_CALLS = 10 -- listed in a message

local function listed(calls, of)
  local lines = { format('it was called %d time%s%s', #calls, #calls == 1 and '' or 's', #calls > 0 and ':' or '') }
  for i = 1, #calls <= MOST_CALLS and #calls or MOST_CALLS do
    lines[i + 1] = format('  %d: %s', i, calls[i][of] and show.arguments(calls[i][of]) or 'it raised an error')
  end
  if #calls > MOST_CALLS then lines[#lines + 1] = '  ...' end
  return concat(lines, '\n')
end

local function calls_of(chain, name)
  if spy.is_spy(chain.subject) then return chain.subject.calls end
  error(format('assert.%s needs a spy: say assert.spy(s).was.%s(...), where s comes from spy.new, spy.on or stub; '
    .. 'got %s', name, name, show.short(chain.subject)), 0)
end

local function counted(name, what, holds)
  define(name, 1, function(arguments, chain)
    local calls, count = calls_of(chain, name), arguments[1]
    return holds(#calls, count), function(negated)
      local wanted = format(what, count == nil and 'at least 1' or count)
      return format('expected %s%s, %s', negated and 'not ' or '', wanted, listed(calls, 'vals'))
    end
  end)
end

counted('called', '%s calls', function(calls, count) return count == nil and calls > 0 or calls == count end)
counted('called_at_least', 'at least %s calls', function(calls, count) return calls >= count end)
counted('called_at_most', 'at most %s calls', function(calls, count) return calls <= count end)
counted('called_more_than', 'more than %s calls', function(calls, count) return calls > count end)
counted('called_less_than', 'fewer than %s calls', function(calls, count) return calls < count end)

local function some_call(name, words, of, ...)
  local columns = { of, ... }
  define(name, nil, function(arguments, chain)
    local calls, holds = calls_of(chain, name), false
    for _, call in ipairs(calls) do
      for _, column in ipairs(columns) do
        holds = holds or call[column] ~= nil and same_values(arguments, call[column])
      end
    end
    return holds, function(negated)
      return format('%s %s %s: %s', negated and 'expected no call that' or 'no call', words, show.arguments(arguments),
        listed(calls, of))
    end
  end)
end

some_call('called_with', 'had the arguments', 'vals', 'refs')
some_call('returned_with', 'returned', 'returned')

local env = sandbox.env
env.spy, env.stub, env.mock = spy, stub, mock
local loaded = env.package.loaded
loaded['luassert.spy'], loaded['luassert.stub'], loaded['luassert.mock'] = spy, stub, mock

return { mark = mark, revert_to = revert_to }
