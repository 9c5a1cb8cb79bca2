-- The language of specs, busted's: what a file declares is collected when it is loaded.

local guard, sandbox, _, _, show, cases, calls = ...

local error, format, gmatch, match, next, place, setmetatable, tostring, type, unpack =
  error, string.format, string.gmatch, string.match, next, guard.place, setmetatable, tostring, type, table.unpack
local attempt, attempt_inside, raise_pending = calls.attempt, calls.attempt_inside, calls.raise_pending
local env = sandbox.env

local HOOKS = { 'setup', 'lazy_setup', 'before_each', 'after_each', 'lazy_teardown', 'teardown' }

local function new_block(name, parent, at)
  local block = { name = name, parent = parent, at = at, children = {} }
  for _, hook in ipairs(HOOKS) do block[hook] = {} end
  return block
end

local root = new_block(nil, nil, nil)
local collecting -- the block whose function runs
local current = {} -- finals: the list of `finally` functions of the test that runs

local function parent_of(word)
  if not collecting then
    error(format('%s: %s cannot be used while tests run: it belongs into the file or a describe block', place(),
      word), 0)
  end
  return collecting
end

local function check_function(word, name, f)
  if type(f) ~= 'function' then
    local what = name and word .. ' ' .. show.short(name) or word
    error(format('%s: %s needs a function, got %s', place(), what, show.short(f)), 0)
  end
end

local function checked_name(word, name)
  if type(name) == 'string' or type(name) == 'number' then return tostring(name) end
  error(format('%s: %s needs a name and a function, got %s first', place(), word, show.short(name)), 0)
end

local function add(parent, child)
  parent.children[#parent.children + 1] = child
  return child
end

local function add_pending(parent, name, reason)
  add(parent, { name = name, parent = parent, at = place(), pending = reason })
end

-- A block that fails while it is collected has one item in place of its children: the failure.
local function collect(block, f, arguments)
  local outer = collecting
  collecting = block
  block.failure = attempt_inside(f, unpack(arguments, 1, arguments.n))
  collecting = outer
  if block.failure then block.failure.what = format('describe %s', show.short(block.name)) end
end

local NAMELESS = { insulate = true, expose = true } -- may do without

local function describe_as(word)
  return function(name, f, arguments)
    local parent = parent_of(word)
    if NAMELESS[word] and type(name) == 'function' then
      name, f = nil, name
    else
      name = checked_name(word, name)
    end
    if f == nil then return add_pending(parent, name, 'this block has no function yet') end
    check_function(word, name, f)
    collect(add(parent, new_block(name, parent, place())), f, arguments or { n = 0 })
  end
end

local function it_as(word)
  return function(name, f, arguments)
    local parent = parent_of(word)
    name = checked_name(word, name)
    if f == nil then return add_pending(parent, name, 'this test has no function yet') end
    check_function(word, name, f)
    add(parent, { name = name, parent = parent, at = place(), body = f, arguments = arguments or { n = 0 } })
  end
end

-- The word itself, and word.each: the same for each case of a list.
local unfinished = {}
local function word_with_each(declare, word)
  local function each(list)
    parent_of(word .. '.each')
    local entries, at = cases.entries(word, list), place()
    unfinished[at] = word
    return function(name, f)
      parent_of(word .. '.each')
      unfinished[at] = nil
      name = checked_name(word .. '.each{...}', name)
      check_function(word .. '.each{...}', name, f)
      for _, entry in ipairs(entries) do
        declare(cases.name_of(name, entry), f, entry.arguments)
      end
    end
  end
  env[word] = setmetatable({ each = each }, {
    __metatable = false,
    __call = function(_, name, f) return declare(name, f) end,
  })
end

for _, word in ipairs { 'describe', 'context', 'insulate', 'expose' } do word_with_each(describe_as(word), word) end
for _, word in ipairs { 'it', 'spec', 'test' } do word_with_each(it_as(word), word) end

for word, hook in next, {
  setup = 'setup', strict_setup = 'setup', lazy_setup = 'lazy_setup', before_each = 'before_each',
  after_each = 'after_each', lazy_teardown = 'lazy_teardown', teardown = 'teardown', strict_teardown = 'teardown',
} do
  env[word] = function(f)
    local block = parent_of(word)
    check_function(word, nil, f)
    block[hook][#block[hook] + 1] = { body = f, at = place() }
  end
end

function env.pending(name, _)
  if not collecting then
    raise_pending(name == nil and 'no reason given' or tostring(name))
  end
  add_pending(parent_of('pending'), checked_name('pending', name), 'declared as pending')
end

function env.finally(f)
  if not current.finals then error(place() .. ': finally belongs into a test', 0) end
  check_function('finally', nil, f)
  current.finals[#current.finals + 1] = { body = f, at = place() }
end

-- Loading -------------------------------------------------------------------------------------------------

local items = {}

local function flatten(block, names)
  for _, child in ipairs(block.children) do
    local path = { unpack(names) }
    path[#path + 1] = child.name
    if child.children and not child.failure then
      flatten(child, path)
    else
      child.names = path
      items[#items + 1] = child
    end
  end
end

local function check_finished()
  local at, word = next(unfinished)
  if at then error(format("%s: %s.each{...} is without its test: %s.each{...}('name', function(case) ... end)",
    at, word, word), 0) end
end

-- Loads the file; gives its items, in order.
local function load(path)
  local chunk, problem = sandbox.load_file(path, env)
  local failure
  if chunk then
    collecting = root
    failure = attempt('loading the file', nil, function()
      chunk()
      check_finished()
    end)
    collecting = nil
  else
    local text = show.full_names(problem)
    failure = { what = 'loading the file', text = text, frames = {}, at = match(text, '^([^\n]-:%d+): ') }
  end
  if failure then
    items[1] = { names = { '(loading the file)' }, at = path .. ':1', failure = failure }
  else
    flatten(root, {})
  end
  local listed = {}
  for i, item in ipairs(items) do
    listed[i] = { names = item.names, at = item.at, pending = item.pending, failure = item.failure }
  end
  return listed
end

-- What specs written for busted require.
local busted = { assert = env.assert, match = env.match, spy = env.spy, stub = env.stub, mock = env.mock }
for word in gmatch([[describe context insulate expose it spec test pending finally setup strict_setup lazy_setup
    before_each after_each teardown strict_teardown lazy_teardown]], '%S+') do
  busted[word] = env[word]
end
env.package.loaded.busted = busted
env.package.loaded['busted.runner'] = function() end

return { current = current, items = items, load = load }
