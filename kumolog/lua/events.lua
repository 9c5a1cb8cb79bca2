-- Events and messages: kumo.on, firing an event, and the loop that asks the filter handlers about a batch.

local guard, env, values, host, multiple, message_methods, message_changes = ...

local begin_call, bridge, call, frames_of_failure, on_error, place =
  guard.begin_call, guard.bridge, guard.call, guard.frames_of_failure, guard.on_error, guard.place
local byte, collectgarbage, concat, copy, error, format, integer, next, pack, pcall, rawget, rawset, setmetatable,
      sub, type, unpack, xpcall =
  string.byte, collectgarbage, table.concat, values.copy, error, string.format, math.type, next, table.pack, pcall,
  rawget, rawset, setmetatable, string.sub, type, table.unpack, xpcall

-- Handlers --------------------------------------------------------------------------------------------

local handlers, places = {}, {}

local function check_registration(name, handler)
  if type(name) ~= 'string' then
    error(format('bad argument #1 to kumo.on: expected the name of an event, got %s', type(name)), 0)
  end
  if type(handler) ~= 'function' then
    error(format('bad argument #2 to kumo.on(%q): expected a function, got %s', name, type(handler)), 0)
  end
  local current = rawget(env, '_KUMO_CURRENT_EVENT')
  if current ~= nil and current ~= 'main' then
    error(format('cannot register a handler for %s while the handler of %s runs: call kumo.on when the policy '
      .. 'is loaded, outside of any handler', name, current), 0)
  end
  if handlers[name] and not multiple[name] then
    error(format('%s event already has a handler defined at %s', name, places[name][1]), 0)
  end
end

local function on(name, handler)
  check_registration(name, handler)
  local list = handlers[name]
  if list then
    list[#list + 1], places[name][#list + 1] = handler, place()
  else
    handlers[name], places[name] = { handler }, { place() }
  end
end

-- Each registration as a stack of places, of which the innermost is known.
local function get_event_registrars(name)
  local known = places[name]
  if not known then return nil end
  local stacks = {}
  for i = 1, #known do stacks[i] = { known[i] } end
  return stacks
end

-- In a multiple event the first handler that returns any value, even nil, answers.
local function dispatcher(name)
  local list = handlers[name]
  if #list == 1 then return list[1] end
  return function(...)
    for i = 1, #list do
      local results = pack(list[i](...))
      if results.n > 0 then return unpack(results, 1, results.n) end
    end
  end
end

-- Fires an event: ok, then the first result or the error text. Nobody registered: true, nil.
local function fire(seconds, name, ...)
  if not handlers[name] then return true end
  rawset(env, '_KUMO_CURRENT_EVENT', name)
  return call(seconds, dispatcher(name), ...)
end

-- Messages --------------------------------------------------------------------------------------------

-- A message is a small table: [1] its batch, [2] its place there, [3] true once it was changed.
local methods = {}
local Message = values.class('Message', { __index = methods })

-- A batch is a table of the meta columns its messages were asked for: by key, one value for each message.
-- Python holds the rest of it under a handle until told that no message of it can be reached any more.
local handles, sizes = setmetatable({}, { __mode = 'k' }), setmetatable({}, { __mode = 'k' })
local unreachable = {}
local Batch = values.class('Batch', { __gc = function(batch) unreachable[#unreachable + 1] = handles[batch] end })

local function take_released()
  local released = unreachable
  unreachable = {}
  return released
end

local function new_batch(handle, size)
  local batch = {}
  handles[batch], sizes[batch] = handle, size
  return setmetatable(batch, Batch)
end

local function message_at(self, method)
  local batch = type(self) == 'table' and rawget(self, 1)
  local index, size = batch and rawget(self, 2), sizes[batch]
  if size and integer(index) == 'integer' and index > 0 and index <= size then return handles[batch], index end
  error(format('bad self argument: %s is a method of a message, call it as msg:%s(...)', method, method), 0)
end

local column_of, meta_of = bridge(host.column), bridge(host.get_meta)

-- The first look at a key: the column is fetched for the whole batch, where that is possible.
local function first_meta(self, key)
  local handle, index = message_at(self, 'get_meta')
  local column = not self[3] and type(key) == 'string' and column_of(handle, key)
  if not column then return meta_of(handle, index, key) end
  rawset(self[1], key, column)
  return methods.get_meta(self, key)
end

function methods.get_meta(self, key)
  local batch = self[1]
  local column = batch and not self[3] and batch[key]
  if not column then return first_meta(self, key) end
  local value = column[self[2]]
  if type(value) == 'table' then return copy(value) end
  return value
end

local asking, asking_logger -- the message whose handler runs, and for which logger

-- A message of its own, of a batch that has only it.
local make = bridge(host.make_message)
local function new_message(handle, size, place) return setmetatable({ new_batch(handle, size), place }, Message) end
local function make_message(...) return new_message(make(...), 1, 1) end

local function method_in_python(name, python)
  local method = bridge(python)
  return function(self, ...)
    local handle, index = message_at(self, name)
    return method(handle, index, ...)
  end
end

local function change_in_python(name, python)
  local change = bridge(python)
  return function(self, ...)
    local handle, index = message_at(self, name)
    rawset(self, 3, true)
    -- A change to another message than the one asked about comes too late for its record.
    return change(handle, index, asking == self and asking_logger or nil, ...)
  end
end

for name, python in next, message_changes do methods[name] = change_in_python(name, python) end
for name, python in next, message_methods do
  methods[name] = methods[name] or method_in_python(name, python)
end

-- The filter loop -------------------------------------------------------------------------------------

local ASK = '?'

-- Goes through a batch record by record and, for each, through the loggers in call order, so that what a
-- handler does comes in KumoMTA's order.
--   kinds: one character for each record's type.
--   steps: for each logger, what `plan` made of it.
--   weight: what the batch holds in Python, in KB: Lua's collector, which cannot see it, works as for so
--   much of its own, or batches would heap up behind it.
-- Returns for each logger a string of answers: p passed, f filtered, d disabled, e error; the errors; and the
-- handles of batches that nobody can reach any more.
local function ask(handle, kinds, steps, seconds, weight)
  local batch = new_batch(handle, #kinds)
  local attempt = steps.attempt or xpcall
  local answers, errors, event = {}, {}, nil
  for l = 1, #steps do answers[l] = {} end
  for i = 1, #kinds do
    local kind = byte(kinds, i)
    local message
    for l = 1, #steps do
      local step = steps[l]
      local answer = step[kind]
      if answer == ASK then
        message = message or setmetatable({ batch, i }, Message)
        asking, asking_logger = message, l
        if event ~= step.event then
          event = step.event
          rawset(env, '_KUMO_CURRENT_EVENT', event)
        end
        begin_call(seconds)
        local ok, result = attempt(step.handler, on_error, message)
        answer = ok and (result and 'p' or 'f') or 'e'
        if not ok then errors[#errors + 1] = { i, l, result, frames_of_failure(), step.place } end
      end
      answers[l][i] = answer
    end
  end
  asking = nil
  for l = 1, #steps do answers[l] = concat(answers[l]) end
  collectgarbage('step', weight)
  return answers, errors, take_released()
end

-- What a logger does with each kind, decided once: kinds and answers are strings in parallel, an answer is
-- p, d, or ? for asking the handler of the event.
local function plan(event, kinds, answers)
  local known = handlers[event]
  local step = { event = event, handler = known and dispatcher(event), place = known and places[event][1] }
  for i = 1, #kinds do step[byte(kinds, i)] = sub(answers, i, i) end
  return step
end

-- Has Python hear of each question in a plan: the number of the logger, then that and what its handler gave.
-- What cannot be told, such as a table in itself, counts as nothing: hearing of it changes no answer.
local function observe(steps, asked, answered)
  asked, answered = bridge(asked), bridge(answered)
  steps.attempt = function(...)
    asked(asking_logger)
    local ok, result = xpcall(...)
    if ok and not pcall(answered, asking_logger, result) then answered(asking_logger) end
    return ok, result
  end
end

-- Shows one record and its message to a hook: ok, then nothing or the error text.
local function tell(seconds, event, handle, size, place, record)
  if not handlers[event] then return true end
  rawset(env, '_KUMO_CURRENT_EVENT', event)
  local message = setmetatable({ new_batch(handle, size), place }, Message)
  return call(seconds, dispatcher(event), message, record)
end

return {
  ask = ask,
  fire = fire,
  get_event_registrars = get_event_registrars,
  make_message = make_message,
  methods = methods,
  new_message = new_message,
  observe = observe,
  on = on,
  places = places,
  plan = plan,
  take_released = take_released,
  tell = tell,
}
