-- Tells Python what a policy loads and registers, and what of it is reached for the first time.

local guard, sandbox, _, host = ...

local dump, getinfo, ipairs, next, place, type = guard.dump, debug.getinfo, ipairs, next, guard.place, type
local getlocal, unpack = debug.getlocal, table.unpack
local prepare, loaded, probed, reached, taken, registered, handled =
  guard.bridge(host.prepare), guard.bridge(host.loaded), guard.bridge(host.probed), guard.bridge(host.reached),
  guard.bridge(host.taken), guard.bridge(host.registered), guard.bridge(host.handled)

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

-- Branches: each begins with a loop that does nothing, and its jump back is a line, too. The loop's variable has a
-- name that no other one has.

local branches = {} -- by line, then by name: true until taken

local function expect_branches(names, lines)
  for i, name in ipairs(names) do
    local line = lines[i]
    branches[line] = branches[line] or {}
    branches[line][name] = true
  end
end

local function note_branch(names, line)
  local n, name = 1, getlocal(4, 1)
  while name and not names[name] do
    n = n + 1
    name = getlocal(4, n)
  end
  if not name then return end
  names[name] = nil
  if not next(names) then branches[line] = nil end
  taken(name)
end

guard.watch_lines(function(line)
  local names = branches[line]
  if names then note_branch(names, line) end
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
    if not chunk then return chunk, problem end
    expect(name, loaded(name, source, dump(chunk)))
    local text, names, lines = unpack(probed(name))
    -- The loops have variables of their own, for which a function may have no room.
    local with_probes = text and load(text, name, ...)
    if with_probes then expect_branches(names, lines) end
    return with_probes or chunk
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
