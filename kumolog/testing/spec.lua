-- Running what a spec file declared, one item at a time.

local guard, _, _, host, show, calls, collected, spy_room = ...

local format, insert, unpack = string.format, table.insert, table.unpack
local attempt, current, items = calls.attempt, collected.current, collected.items

local open = {} -- the blocks that have been set up, outermost first

local function blocks_of(item)
  local blocks, block = {}, item and item.parent
  while block do
    insert(blocks, 1, block)
    block = block.parent
  end
  return blocks
end

local function in_words(hook, block) return block.name and format('%s of %s', hook, show.short(block.name)) or hook end

-- Runs the functions of a hook in the order of their declaration, up to the first that fails.
local function run_hook(hook, block)
  for _, entry in ipairs(block[hook]) do
    local failure = attempt(in_words(hook, block), entry.at, entry.body)
    if failure then return failure end
  end
end

local function set_up(block, hook)
  if block.broken or block.begun[hook] then return block.broken end
  block.begun[hook] = true
  block.broken = run_hook(hook, block)
  return block.broken
end

-- All setups from the outside in, then all lazy ones; gives what went wrong, now or with an earlier test.
local function enter(blocks)
  for at, block in ipairs(blocks) do
    if open[at] ~= block then
      open[at], block.begun, block.broken = block, {}, nil
    end
    local broken = set_up(block, 'setup')
    if broken then return broken end
  end
  for _, block in ipairs(blocks) do
    local broken = set_up(block, 'lazy_setup')
    if broken then return broken end
  end
end

-- Tears down the blocks that the next item is not in, from the inside out.
local function leave(next_item, failures)
  local kept = blocks_of(next_item)
  while #open > 0 and open[#open] ~= kept[#open] do
    local block = open[#open]
    open[#open] = nil
    failures[#failures + 1] = block.begun.lazy_setup and run_hook('lazy_teardown', block) or nil
    failures[#failures + 1] = run_hook('teardown', block)
  end
end

local function run_before_each(blocks, failures)
  for at, block in ipairs(blocks) do
    local failure = run_hook('before_each', block)
    if failure then
      failures[#failures + 1] = failure
      return at
    end
  end
  return #blocks
end

local function run_finally(failures)
  for i = #current.finals, 1, -1 do
    failures[#failures + 1] = attempt('finally', current.finals[i].at, current.finals[i].body)
  end
end

local begin_test, end_test = guard.bridge(host.begin_test), guard.bridge(host.end_test)

local function run_test(item, blocks, failures)
  local before = spy_room.mark()
  begin_test()
  current.finals = {}
  local begun = run_before_each(blocks, failures)
  if #failures == 0 then failures[1] = attempt(nil, item.at, item.body, unpack(item.arguments, 1, item.arguments.n)) end
  run_finally(failures)
  for at = begun, 1, -1 do failures[#failures + 1] = run_hook('after_each', blocks[at]) end
  current.finals = nil
  spy_room.revert_to(before)
  failures[#failures + 1] = attempt('closing what the test opened', item.at, end_test)
end

-- Runs one item, setting up and tearing down what lies between it, the one before and the one that follows.
local function run(number, following)
  local item, failures = items[number], {}
  if item.body then
    local blocks = blocks_of(item)
    leave(item, failures)
    local broken = enter(blocks)
    if broken then failures[#failures + 1] = broken else run_test(item, blocks, failures) end
  end
  leave(items[following], failures)
  return failures
end

-- Tears down all that is still set up.
local function finish()
  local failures = {}
  leave(nil, failures)
  return failures
end
return { finish = finish, load = collected.load, run = run }
