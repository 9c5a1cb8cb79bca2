-- Events and messages: kumo.on, firing an event, and the loop that asks the filter handlers about a batch.

local guard, env, values, host, multiple, message_methods, message_changes = ...

local bridge, call, entry, frames_of_failure, is_full, on_error, place =
  guard.bridge, guard.call, guard.entry, guard.frames_of_failure, guard.is_full, guard.on_error, guard.place
local most, takes_too_much, TOO_MUCH = guard.most, guard.takes_too_much, guard.TOO_MUCH
local byte, collectgarbage, concat, copy, dump, error, format, integer, match, metatable_of, min, next, open, pack,
      pcall, rawequal, rawget, rawset, set_buffer, setmetatable, sub, text_of_file, type, unpack, upvalue_of, write,
      xpcall =
  string.byte, collectgarbage, table.concat, values.copy, guard.dump, error, string.format, math.type, string.match,
  debug.getmetatable, math.min, next, io.open, table.pack, pcall, rawequal, rawget, rawset, io.stdout.setvbuf,
  setmetatable, string.sub, debug.getmetatable(io.stdout).__tostring, type, table.unpack, debug.getupvalue,
  io.stdout.write, xpcall

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

-- A message is a small table: [1] its batch, [2] its place there. Of one that was changed [3] is its batch, and
-- [1] false: its meta are not what the columns of the batch say.
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
  local batch = type(self) == 'table' and (rawget(self, 1) or rawget(self, 3))
  local index, size = batch and rawget(self, 2), sizes[batch]
  if size and integer(index) == 'integer' and index > 0 and index <= size then return handles[batch], index end
  error(format('bad self argument: %s is a method of a message, call it as msg:%s(...)', method, method), 0)
end

local column_of, meta_of = bridge(host.column), bridge(host.get_meta)

-- The columns that have tables, of which every handler gets a copy, by batch; all others are in the batch itself.
local nested = setmetatable({}, { __mode = 'k' })

-- The first look at a key: the column is fetched for the whole batch, where that is possible.
local function fetch_column(handle, batch, key)
  local column = column_of(handle, key)
  if column and column[0] then -- it has tables
    nested[batch] = nested[batch] or {}
    nested[batch][key] = column
  elseif column then
    rawset(batch, key, column)
  end
  return column
end

local function other_meta(self, key)
  local handle, index = message_at(self, 'get_meta')
  local batch = self[1]
  if not batch or type(key) ~= 'string' then return meta_of(handle, index, key) end
  local column = nested[batch] and nested[batch][key] or fetch_column(handle, batch, key)
  if not column then return meta_of(handle, index, key) end
  local value = column[index]
  return type(value) == 'table' and copy(value) or value
end

function methods.get_meta(self, key)
  local batch = self[1]
  local column = batch and batch[key]
  if column then return column[self[2]] end
  return other_meta(self, key)
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
    if self[1] then
      rawset(self, 3, self[1])
      rawset(self, 1, false)
    end
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

-- Where each answer is noted at once, for Python to know of it even if nothing ever comes back from here.
local journal
local JOURNAL_BUFFER = 1 << 16 -- bytes

local function open_journal(path)
  local file, problem = open(path, 'ab')
  if not file then return nil, problem end
  set_buffer(file, 'full', JOURNAL_BUFFER)
  journal = file
  return file, match(text_of_file(file), '0x(%x+)')
end

local WEIGHED = 8 -- after each so many-th record it is looked whether a quick handler has used up its memory
local carried, MOST_CARRIED = 0, 1024 -- KB that batches hold in Python since the collector was last told of it
local MOST_AT_ONCE = 4096 -- records
local asked_at, asked_as -- the record about which a handler was asked last, and the how many-th for its kind it was
local ended_at -- the record at which memory was used up

-- Goes through the records from one to another, of the first only through the steps from one on. It ends with the
-- error of the first handler that fails: to protect all calls at once is cheaper than to protect each.
local function ask_from(first, last, message, start, plan, batch, skipped, kinds)
  local event
  for i = first, last do
    local steps = plan[kinds[i]]
    local is_weighed = i % WEIGHED == 0
    for s = start, #steps do
      local step = steps[s]
      asked_at, asked_as, asking_logger = i, s, step.logger
      if not message then
        asking = nil
        message = setmetatable({ batch, skipped + i }, Message)
      end
      asking = message
      if event ~= step.event then
        event = step.event
        rawset(env, '_KUMO_CURRENT_EVENT', event)
      end
      entry.calls = entry.calls + 1
      local answer = step.handler(message) and 'p' or 'f'
      if is_weighed and collectgarbage('count') > most and takes_too_much() then error(TOO_MUCH, 0) end
      write(journal, answer)
    end
    message, start = nil, 1
  end
end

-- The same, up to the last whatever fails; where memory is used up, up to the record at which it was.
local function ask_about(first, last, failed, plan, batch, skipped, kinds)
  local message, start = nil, 1
  while not (ended_at and start == 1) do
    local ok, problem = xpcall(ask_from, on_error, first, last, message, start, plan, batch, skipped, kinds)
    if ok then return end
    first, message, start = asked_at, asking, asked_as
    local step = plan[kinds[first]][start]
    failed(skipped + first, step.logger, problem, concat(frames_of_failure(), '\n'), step.place)
    if is_full() then ended_at, last = first, first end
    write(journal, 'e')
    start = start + 1
  end
end

-- Goes through a batch record by record and, for each, through the loggers in call order, so that what a
-- handler does comes in KumoMTA's order. What they answer is in the journal, in the order of the calls.
--   kinds: one character for each record's type.
--   plan: what `plan` made of the loggers.
--   weight: what the batch holds in Python, in KB: Lua's collector, which cannot see it, works as for so
--   much of its own, or batches would heap up behind it.
--   first: the record to begin with.
--   failed: a plain Python function that hears of each error: record, logger, text, frames, place of the handler.
-- Returns how many records it came to, fewer when they are very many or the memory is used up; whether it is; and
-- the handles of batches that nobody can reach any more, if there are any.
local function ask(handle, kinds, plan, seconds, weight, first, failed)
  write(journal, '\n')
  asked_at, asking, ended_at = nil, nil, nil
  entry.budget = seconds
  local batch = new_batch(handle, #kinds)
  local codes = { byte(kinds, first, first + MOST_AT_ONCE - 1) }
  local go = plan.go or ask_about
  go(1, #codes, failed, plan, batch, first - 1, codes)
  asking = nil
  carried = carried + weight
  if carried >= MOST_CARRIED then
    collectgarbage('step', carried)
    carried = 0
  end
  return ended_at or #codes, ended_at ~= nil, unreachable[1] and take_released()
end

-- Whom to ask about which kind, decided once: for the code of each kind the steps, in call order. Of the loggers
-- there are the events, and for each a string in parallel to the kinds with ? where its handler is asked.
local function plan(kinds, events, answers)
  local made = { steps = {} }
  for i = 1, #kinds do made[byte(kinds, i)] = {} end
  for l = 1, #events do
    local event = events[l]
    local known = handlers[event]
    local step = { logger = l, event = event, handler = known and dispatcher(event), place = known and places[event][1] }
    made.steps[l] = step
    for i = 1, #kinds do
      if sub(answers[l], i, i) == ASK then
        local steps = made[byte(kinds, i)]
        steps[#steps + 1] = step
      end
    end
  end
  return made
end

-- What is outside of a handler, as far as its answers depend on it: what is here now is what the policy began with.
local string_library = env.string
local string_functions, of_strings = {}, {}
for name, value in next, string_library do string_functions['string.' .. name] = value end
for name, value in next, metatable_of '' do of_strings[name] = value end
local same_for_same = { tonumber = env.tonumber, tostring = env.tostring, type = env.type }
local SCALARS = { string = 'scalar', number = 'scalar', boolean = 'scalar', ['nil'] = 'scalar' }

local function is_untouched(table, original)
  for name, value in next, table do
    if original[name] ~= value then return false end
  end
  return metatable_of(table) == nil
end

-- What Python has to know of the handler of an event to tell whether its answers can be remembered: its code, and
-- the kinds of its upvalues in one text; nil where there are several handlers.
local function code_of(event)
  local list = handlers[event]
  if not list or #list > 1 or not is_untouched(metatable_of '', of_strings) then return nil end
  local ok, code = pcall(dump, list[1])
  if not ok then return nil end -- it is no Lua function
  local kinds, i = {}, 1
  while true do
    local name, value = upvalue_of(list[1], i)
    if not name then return code, concat(kinds, ' ') end
    kinds[i] = rawequal(value, env) and 'environment' or SCALARS[type(value)] or 'other'
    i = i + 1
  end
end

-- The kind of a global, or of a function of the string library.
local function kind_of_global(name)
  local original = string_functions[name]
  if original then
    local same = rawget(string_library, sub(name, #'string.' + 1)) == original
    return same and metatable_of(string_library) == nil and 'function' or 'other'
  end
  local value = rawget(env, name)
  if value == nil and metatable_of(env) then return 'other' end
  if rawequal(value, string_library) then return 'string' end
  return value ~= nil and value == same_for_same[name] and 'function' or SCALARS[type(value)] or 'other'
end

-- Has Python hear of each question in a plan: the number of the logger, then that and what its handler gave.
-- What cannot be told, such as a table in itself, counts as nothing: hearing of it changes no answer.
local function observe(plan, asked, answered)
  asked, answered = bridge(asked), bridge(answered)
  for l = 1, #plan.steps do
    local step = plan.steps[l]
    local handler = step.handler
    step.handler = function(message)
      asked(l)
      local result = handler(message)
      if not pcall(answered, l, result) then answered(l) end
      return result
    end
  end
end

-- Has the handlers timed for some of the records: each of the first, then about one in RARELY, at random
-- distances, since what comes by turns would otherwise be met at the same turn each time. The records between
-- them go through the loop as ever. Returns a function that gives the times since it was last called: number of
-- the logger, seconds, number, seconds, ...
local FIRST, RARELY = 200, 32
local function sample(plan, now)
  local times, count, random, ahead, own = {}, 0, 1, 1, math.huge
  for _ = 1, 100 do
    local begun = now()
    own = min(own, now() - begun)
  end
  -- A plan of the same steps, whose handlers are timed.
  local timed_steps, timed = {}, {}
  for l = 1, #plan.steps do
    local step = plan.steps[l]
    local handler = step.handler
    timed_steps[step] = copy(step)
    timed_steps[step].handler = function(message)
      local begun = now()
      local result = handler(message)
      local last = #times
      times[last + 1], times[last + 2] = l, now() - begun - own
      return result
    end
  end
  local function distance()
    count = count + 1
    if count < FIRST then return 1 end
    random = (random * 1103515245 + 12345) & 0x7fffffff
    return 1 + (random >> 16) % (2 * RARELY - 1)
  end
  for kind, steps in next, plan do
    if integer(kind) then
      timed[kind] = {}
      for s = 1, #steps do timed[kind][s] = timed_steps[steps[s]] end
    end
  end
  function plan.go(first, last, failed, plain, ...)
    while first + ahead - 1 <= last do
      local place = first + ahead - 1
      if first < place then ask_about(first, place - 1, failed, plain, ...) end
      ask_about(place, place, failed, timed, ...)
      first, ahead = place + 1, distance()
    end
    if first <= last then ask_about(first, last, failed, plain, ...) end
    ahead = ahead - (last - first + 1)
  end
  return function()
    local taken = times
    times = {}
    return taken
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
  code_of = code_of,
  fire = fire,
  get_event_registrars = get_event_registrars,
  kind_of_global = kind_of_global,
  make_message = make_message,
  methods = methods,
  new_message = new_message,
  observe = observe,
  on = on,
  open_journal = open_journal,
  places = places,
  plan = plan,
  sample = sample,
  take_released = take_released,
  tell = tell,
}
