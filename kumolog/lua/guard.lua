-- Guards every entry into the policy: a time budget, errors as texts with the policy's own frames, and
-- Python functions as plain Lua functions. Library functions are held in locals here and in the other
-- chunks: a policy may replace every one that it can reach, those of the string library above all.

-- The clock gives seconds and whether the run is over, the limit is in bytes, restrict makes Lua's own hold again.
local clock, memory_limit, restrict = ...

local collectgarbage, error, file_type, format, getinfo, gsub, metatable_of, pcall, rawget, running, sethook,
      sub, tostring, type, xpcall =
  collectgarbage, error, io.type, string.format, debug.getinfo, string.gsub, debug.getmetatable, pcall, rawget,
  coroutine.running, debug.sethook, string.sub, tostring, type, xpcall

local OWN_SOURCE = '=kumolog'

-- Budgets of time and memory. A count hook looks at them; once a call has overrun, every protected call and
-- every coroutine inside it raises again, so that no pcall loop outlives its budget.

local HOOK_INTERVAL, LINE_INTERVAL = 10000, 1000 -- instructions, lines
local AT_THE_END = 0.01 -- seconds for a call when the run is not to last any longer
-- The newest call from the host: its number, and the seconds that it may take. Whoever calls the policy sets both.
local entry = { calls = 0, budget = math.huge }
local watched, started = 0, 0
local stopped, reason -- the number of the call that has to end, and why
local interrupted = setmetatable({}, { __mode = 'k' }) -- coroutines that an error of the hook ended

-- Python raises in the middle of a call only when a signal's handler does; nobody here may swallow that.
local escaped
local function stop_if_python_raised(problem)
  if type(problem) == 'userdata' and not file_type(problem) then
    stopped, reason, escaped = entry.calls, 'interrupted', escaped or problem
  end
end

local function take_escaped()
  local exception = escaped
  escaped = nil
  return exception
end

local most = memory_limit / 1024 -- KB
local TOO_MUCH = format('not enough memory: more than %d MB in use', memory_limit >> 20)

local function takes_more_than(limit)
  if collectgarbage('count') <= limit then return false end
  collectgarbage()
  return collectgarbage('count') > limit
end

local function takes_too_much() return takes_more_than(most) end

-- Whether so little memory is left, after a handler has failed, that it would be the next one's turn.
local function is_full() return takes_more_than(0.75 * most) end

local function check_budgets()
  local ok, now, is_over = pcall(clock)
  if not ok then return stop_if_python_raised(now) end
  if watched ~= entry.calls then watched, started = entry.calls, now end
  local seconds = now - started
  if is_over and seconds > AT_THE_END then
    stopped, reason = entry.calls, 'did not return before the end of the run'
  elseif seconds > entry.budget then
    stopped, reason = entry.calls, format('ran for more than %gs without returning', entry.budget)
  elseif takes_too_much() then
    stopped, reason = entry.calls, TOO_MUCH
  end
end

local function watch()
  if stopped ~= entry.calls then check_budgets() end
  if stopped ~= entry.calls then return end
  -- The host's own code is never interrupted: only the policy's has somebody to catch the error.
  if getinfo(2, 'S').source == OWN_SOURCE then return end
  interrupted[running()] = true
  error(reason, 2)
end

-- Goes around everything that catches errors for the policy.
local function still_in_time(...)
  local ok, problem = ...
  if not ok then stop_if_python_raised(problem) end
  if stopped == entry.calls then error(reason, 2) end
  return ...
end

-- An error of the hook reaches a message handler before the hook has ended, so without any hook: one of the
-- policy's must not run then.
local function unless_stopped(handler)
  return function(problem)
    stop_if_python_raised(problem)
    if stopped == entry.calls then return problem end
    return handler(problem)
  end
end

-- Whether the last call from the host overran a budget.
local function was_stopped() return stopped == entry.calls end

local hook, events = watch, ''

local function watch_coroutine(co) sethook(co, hook, events, HOOK_INTERVAL) end

-- For the same reason nothing may run in an interrupted coroutine again, not even to close its variables.
local function was_interrupted(co) return interrupted[co] end

sethook(watch, '', HOOK_INTERVAL)

-- Calls note(line) on every line from now on, from where the code that runs is at level 3. Instructions of the
-- hook count, too, and may swallow the call of any count; so lines are counted as well.
local function watch_lines(note)
  local lines = 0
  events = 'l'
  function hook(event, line)
    if event == 'line' then
      note(line)
      lines = lines + 1
      if lines % LINE_INTERVAL ~= 0 then return end
    end
    return watch()
  end
  sethook(hook, events, HOOK_INTERVAL)
end

-- How many seconds of its budget are left to the call that runs now, for what waits where no hook runs.
local function seconds_left()
  local now, is_over = clock()
  if is_over then return 0 end
  if watched ~= entry.calls then watched, started = entry.calls, now end
  return entry.budget - (now - started)
end

-- What Python is to find room for when it answers has to be there before it is asked.
local function stop_if_full()
  if takes_too_much() then error(TOO_MUCH, 0) end
end


-- Errors: the message as text, and the policy's own frames.

local OWN_PLACE = '^kumolog:%d+: '
local MAX_TEXT, MAX_FRAMES = 4096, 20
local MAX_LEVELS = 1000 -- looked at: to find one takes the longer the further out it is

local function is_policy(info) return info.what ~= 'C' and sub(info.source, 1, 1) == '@' end

-- Where the policy called from, file:line, looking outward from the caller's caller.
local function place()
  local level = 3
  local info = getinfo(level, 'Sl')
  while info and level < MAX_LEVELS and not is_policy(info) do
    level = level + 1
    info = getinfo(level, 'Sl')
  end
  return info and is_policy(info) and format('%s:%d', sub(info.source, 2), info.currentline) or '?'
end

-- The name of a function is what its caller calls it: nothing to tell of where the host does.
local function frame(info, caller)
  local file = sub(info.source, 2)
  local name = caller and caller.source ~= OWN_SOURCE and info.name
  local what = info.what == 'main' and 'main chunk'
    or name and format("function '%s'", name)
    or format('function <%s:%d>', file, info.linedefined)
  return format('%s:%d: in %s', file, info.currentline, what)
end

local function text_of(problem)
  local metatable = metatable_of(problem)
  if type(problem) == 'table' and metatable and rawget(metatable, '__tostring') then
    local ok, text = pcall(tostring, problem)
    problem = ok and text or problem
  end
  if type(problem) == 'number' then problem = format('%s', problem) end
  if type(problem) ~= 'string' then return format('error object is a %s value', type(problem)) end
  problem = gsub(problem, OWN_PLACE, '') -- it would be that of a handler's caller
  return #problem <= MAX_TEXT and problem or sub(problem, 1, MAX_TEXT) .. '...'
end

local failure_frames = {}

local function on_error(problem)
  local frames, level = {}, 2
  local info = getinfo(level, 'Sln')
  while info and level < MAX_LEVELS and #frames < MAX_FRAMES do
    level = level + 1
    local caller = getinfo(level, 'Sln')
    if is_policy(info) then frames[#frames + 1] = frame(info, caller) end
    info = caller
  end
  failure_frames = frames
  stop_if_python_raised(problem)
  return text_of(problem)
end

-- The frames of the last error, innermost first. Lua asks no handler when memory or its stack runs out.
local function frames_of_failure()
  local frames = failure_frames
  failure_frames = {}
  return frames
end

-- A call from a Python function that the policy itself has called: within the same budget.
local function nested(f, ...)
  restrict()
  return xpcall(f, on_error, ...)
end

-- A budgeted call from the host, which may have handed over much: ok, then the results or the error text.
-- Without seconds it is a nested one.
local function call(seconds, f, ...)
  if seconds then entry.calls, entry.budget = entry.calls + 1, seconds end
  return nested(f, ...)
end

-- A Python function becomes a plain Lua function. It answers true and a result, or 1 and one that is large or
-- took long; or false and a text; or nil and a text when the host itself failed, which no policy may outlive.
-- A loop around what takes long comes to the next hook too late.
local function outcome(ok, value)
  if ok ~= true then
    restrict()
    if stopped ~= entry.calls then check_budgets() end
    if ok and stopped == entry.calls then error(reason, 0) end
  end
  if ok then return value end
  if ok == nil then stopped, reason = entry.calls, value end
  error(value, 0)
end

local function bridge(python)
  return function(...)
    if collectgarbage('count') > most then stop_if_full() end
    return outcome(python(...))
  end
end

return {
  OWN_SOURCE = OWN_SOURCE,
  bridge = bridge,
  call = call,
  dump = string.dump,
  entry = entry,
  frames_of_failure = frames_of_failure,
  is_full = is_full,
  most = most,
  nested = nested,
  on_error = on_error,
  place = place,
  seconds_left = seconds_left,
  state = format('%p', (running())),
  still_in_time = still_in_time,
  take_escaped = take_escaped,
  takes_too_much = takes_too_much,
  TOO_MUCH = TOO_MUCH,
  unless_stopped = unless_stopped,
  was_interrupted = was_interrupted,
  was_stopped = was_stopped,
  watch_coroutine = watch_coroutine,
  watch_lines = watch_lines,
}
