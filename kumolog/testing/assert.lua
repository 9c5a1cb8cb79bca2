-- `assert` of specs: Lua's own assert when called, luassert's chains of words when indexed.

local guard, sandbox, _, host, _, show = ...

local bridge, place = guard.bridge, guard.place
local concat, error, format, gmatch, gsub, lower, metatable_of, next, pack, rawset, select, setmetatable, sort,
      tostring, type, unpack =
  table.concat, error, string.format, string.gmatch, string.gsub, string.lower, debug.getmetatable, next, table.pack,
  rawset, select, setmetatable, table.sort, tostring, type, table.unpack
local nearest = bridge(host.nearest)

-- Failures --------------------------------------------------------------------------------------------

-- What an assertion raises: a value, so that the runner can tell it from any other error.
local Failure = { __name = 'failed assertion' }
function Failure.__tostring(self) return self.place .. ': ' .. self.message end
local function is_failure(problem) return type(problem) == 'table' and metatable_of(problem) == Failure end
local function fail(text) error(setmetatable({ message = text, place = place() }, Failure), 0) end

-- Assertions ------------------------------------------------------------------------------------------

-- By name. check(arguments, chain) gives whether it holds; then a function of `negated` that says in words
-- what is wrong; then, packed, what the assertion returns in place of its arguments. `fixed` arguments are
-- its own, one more is the user's message; the value under test is the one at `value_at`.
local assertions = {}

local function define(names, fixed, check, value_at)
  for name in gmatch(names, '%S+') do
    local known = assertions[lower(name)] or {}
    known.check, known.fixed, known.value_at = check, fixed, value_at or (fixed or 1) > 1 and 2 or 1
    assertions[lower(name)] = known
  end
end

local function judge(words, chain, arguments)
  local assertion = chain.assertion
  local holds, wrong, results = assertion.check(arguments, chain)
  if not holds == chain.negated then return results or arguments end
  local message = chain.message or assertion.fixed and arguments[assertion.fixed + 1]
  local lead = message ~= nil and tostring(message) .. '\n' or ''
  fail(format('%sassert.%s: %s', lead, words, wrong(chain.negated)))
end

-- Chains ----------------------------------------------------------------------------------------------

local NEGATES = { ['not'] = true, no = true }
local MODIFIERS = {}
for word in gmatch('is are was were be been has have does do did a an the to not no', '%S+') do
  MODIFIERS[word] = true
end

-- The longest run of words from a place on that means something: its name and the place after it.
local function longest(words, at)
  for last = #words, at, -1 do
    local name = concat(words, '_', at, last)
    if assertions[name] or MODIFIERS[name] then return name, last + 1 end
  end
end

-- What words mean: the assertion (nil while there are only modifiers) and whether it is negated; or false and
-- the place of the first word without a meaning.
local function parse(words)
  local at, negated, assertion = 1, false, nil
  while at <= #words do
    local start, name = at, nil
    name, at = longest(words, at)
    if not name or assertion then return false, start end
    assertion = assertions[name]
    if not assertion and NEGATES[name] then negated = not negated end
  end
  return true, assertion, negated
end

local function names_of_all()
  local names = {}
  for name in next, assertions do names[#names + 1] = name end
  sort(names)
  return names
end

local function unknown(spelt, words, at)
  local wanted = concat(words, '_', at)
  local near = nearest(wanted, names_of_all())
  local right = near and format('assert.%s', concat(words, '_', 1, at - 1) .. (at > 1 and '_' or '') .. near)
  local hint = right and format('did you mean %s?', right) or 'see assert:names() for what there is'
  error(format('%s: %s: there is no such assertion, %s', place(), concat(spelt, '.'), hint), 0)
end

-- Words that stand for a function of one value, which the rest of the chain uses.
local STARTERS = { message = 'message', spy = 'subject', stub = 'subject' }

-- node: spelt (the keys as written), words, message and subject as given so far.
local new_chain

local function extend(node, key)
  local words, spelt = { unpack(node.words) }, { unpack(node.spelt) }
  for word in gmatch(lower(key), '[^_]+') do words[#words + 1] = word end
  spelt[#spelt + 1] = key
  local known, assertion, negated = parse(words)
  if not known then unknown(spelt, words, assertion) end
  local with = { words = words, spelt = spelt, message = node.message, subject = node.subject }
  with.assertion, with.negated = assertion, negated
  return with
end

local function derived(node, field, key, value)
  local with = {}
  for name, own in next, node do with[name] = own end
  with[field] = value
  with.spelt = { unpack(node.spelt) }
  if field == 'subject' then with.spelt[#with.spelt + 1] = key .. '(...)' end
  return new_chain(with)
end

local function child(node, key)
  if type(key) ~= 'string' then error('assert is indexed with the words of an assertion', 3) end
  local field = STARTERS[key]
  if field then return function(value) return derived(node, field, key, value) end end
  return new_chain(extend(node, key))
end

function new_chain(node)
  local text = concat(node.spelt, '.', 2)
  return setmetatable({}, {
    __metatable = false,
    __index = function(self, key)
      local found = child(node, key)
      if not node.message and not node.subject then rawset(self, key, found) end
      return found
    end,
    __call = function(_, ...)
      if not node.assertion then
        error(format('%s: assert.%s needs one more word: what is to be asserted', place(), text), 0)
      end
      local results = judge(text, node, pack(...))
      return unpack(results, 1, results.n)
    end,
  })
end

-- The `assert` table ----------------------------------------------------------------------------------

local root = { words = {}, spelt = { 'assert' }, negated = false }
local assert = {}

-- As Lua's own, which is gone from the environment.
local function plain_assert(_, ...)
  local value, message = ...
  if value then return ... end
  if select('#', ...) == 0 then error('bad argument #1 to assert: expected a value', 2) end
  if select('#', ...) == 1 then message = 'assertion failed!' end
  error(message, 0)
end

setmetatable(assert, {
  __metatable = false,
  __call = plain_assert,
  __index = function(self, key)
    local found = child(root, key)
    rawset(self, key, found)
    return found
  end,
})

-- Texts of custom assertions by key, as luassert's companion `say` has them.
local texts = {}
local say = setmetatable({}, { __call = function(_, key) return texts[key] end })
function say.set(_, key, text) texts[key] = text end

local function filled(text, arguments)
  local at = 0
  return (gsub(texts[text] or text, '%%s', function()
    at = at + 1
    return at <= arguments.n and show.short(arguments[at]) or 'nothing'
  end))
end

local function register_assertion(name, callback, positive, negative)
  define(name, nil, function(arguments)
    local state = { mod = true }
    local holds = callback(state, arguments, 1)
    return holds, function(negated)
      local text = negated and (negative or 'it holds, which it must not') or positive or 'it does not hold'
      return state.failure_message and tostring(state.failure_message) or filled(text, arguments)
    end
  end)
end

-- A matcher's callback gives a function of the value.
local function register_matcher(name, callback)
  define(name, nil, function(arguments)
    local value = arguments[1]
    local given = pack(unpack(arguments, 2, arguments.n))
    return callback({ mod = true }, given, 1)(value), function() return 'got ' .. show.short(value) end
  end)
  assertions[lower(name)].value_at = 1
end

local KINDS = { assertion = register_assertion, matcher = register_matcher }

-- Adds an assertion or a matcher: assert:register('assertion', 'has_property', function(state, arguments) ... end,
-- text if it does not hold, text if it holds and must not); %s in the texts stand for the arguments.
function assert.register(_, kind, name, callback, positive, negative)
  local register = KINDS[kind]
  if not register then error(format("assert:register takes 'assertion' or 'matcher', not %s", show.short(kind)), 2) end
  if type(name) ~= 'string' or type(callback) ~= 'function' then
    error("assert:register needs a kind, a name and a function: assert:register('assertion', 'even', f)", 2)
  end
  register(name, callback, positive, negative)
end

function assert.names() return names_of_all() end

-- One that Python answers: with nothing where it holds, with a text that says what is wrong where not.
local function define_in_python(name, python)
  local ask = bridge(python)
  define(name, nil, function(arguments)
    local wrong = ask(place(), unpack(arguments, 1, arguments.n))
    return wrong == nil, function() return wrong or 'it holds, which it must not' end
  end)
end

sandbox.env.assert = assert
local loaded = sandbox.env.package.loaded
loaded.luassert, loaded['luassert.assert'], loaded.say = assert, assert, say

return {
  assert = assert,
  define = define,
  define_in_python = define_in_python,
  extend = extend,
  is_failure = is_failure,
}
