-- Tells Python what a policy loads and registers, and what of it is reached for the first time.

local guard, sandbox, _, host = ...

local dump, getinfo, place, type = guard.dump, debug.getinfo, guard.place, type
local prepare, loaded, reached, registered, handled =
  guard.bridge(host.prepare), guard.bridge(host.loaded), guard.bridge(host.reached), guard.bridge(host.registered),
  guard.bridge(host.handled)

-- Lines. Asking where a line is costs far more than a look at its number: the numbers come first.

local waiting = {} -- by number: how many lines of it are still to be reached
local texts = {} -- by source, then by first and last line of the function, then by line: true until reached

-- slots: first line, last line and line, again and again.
local function expect(source, slots)
  local functions = texts[source] or {}
  texts[source] = functions
  for i = 1, #slots, 3 do
    local extent, line = slots[i] << 32 | slots[i + 1], slots[i + 2]
    local lines = functions[extent] or {}
    functions[extent] = lines
    if not lines[line] then
      lines[line], waiting[line] = true, (waiting[line] or 0) + 1
    end
  end
end

guard.watch_lines(function(line)
  local count = waiting[line]
  if not count then return end
  local info = getinfo(3, 'S')
  local functions = texts[info.source]
  local lines = functions and functions[info.linedefined << 32 | info.lastlinedefined]
  if not (lines and lines[line]) then return end
  lines[line], waiting[line] = nil, count > 1 and count - 1 or nil
  reached(info.source, info.linedefined, info.lastlinedefined, line)
end)

sandbox.load_files_with(function(load)
  return function(source, name, ...)
    local chunk, problem = load(prepare(name, source), name, ...)
    if chunk then expect(name, loaded(name, source, dump(chunk))) end
    return chunk, problem
  end
end)

-- Handlers.

local kumo = sandbox.env.kumo
local on = kumo.on

function kumo.on(name, handler)
  if type(handler) ~= 'function' then return on(name, handler) end
  local at
  on(name, function(...)
    if at then
      handled(name, at)
      at = nil
    end
    return handler(...)
  end)
  at = place()
  registered(name, at)
end
