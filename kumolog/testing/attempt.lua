-- Calls of a spec's functions: within a budget of their own, and with what went wrong as a value.

local guard, _, _, _, show, assert_room, seconds = ...

local error, metatable_of, setmetatable, type, xpcall = error, debug.getmetatable, setmetatable, type, xpcall
local entry, frames_of_failure, on_error = guard.entry, guard.frames_of_failure, guard.on_error

-- What `pending` raises inside a test.
local Pending = { __name = 'pending', __tostring = function(self) return 'pending: ' .. self.reason end }
local function raise_pending(reason) error(setmetatable({ reason = reason }, Pending), 0) end

local caught -- what the last failed call raised
local function on_problem(problem)
  local text = on_error(problem)
  caught = { text = show.full_names(text), frames = frames_of_failure() }
  if assert_room.is_failure(problem) then
    caught.text, caught.place = problem.message, problem.place
  elseif type(problem) == 'table' and metatable_of(problem) == Pending then
    caught.pending = problem.reason
  end
  return problem
end

-- Lua asks no handler when it is out of memory or stack.
local function failure_of(problem)
  local failure = caught or { text = type(problem) == 'string' and problem or 'it failed', frames = {}, stopped = true }
  caught = nil
  return failure
end

-- Calls a function of the spec within a budget of its own; gives nothing, or what went wrong.
local function attempt(what, at, f, ...)
  caught = nil
  entry.calls, entry.budget = entry.calls + 1, seconds
  local ok, problem = xpcall(f, on_problem, ...)
  if ok then return nil end
  local failure = failure_of(problem)
  failure.what, failure.at = what, at
  failure.stopped = failure.stopped or guard.was_stopped()
  return failure
end

-- A call inside one of those, which ends when that has to end.
local function attempt_inside(f, ...)
  local ok, problem = guard.still_in_time(xpcall(f, on_problem, ...))
  if not ok then return failure_of(problem) end
end

return { attempt = attempt, attempt_inside = attempt_inside, raise_pending = raise_pending }
