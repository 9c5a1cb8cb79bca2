-- Matchers: assertions that wait for their value, for the insides of tables and the arguments of spies.

local guard, sandbox, _, _, compare, show, assert_room = ...

local concat, error, format, pack, place, setmetatable, unpack =
  table.concat, error, string.format, table.pack, guard.place, setmetatable, table.unpack
local extend = assert_room.extend

-- match.is_string(), match.matches('^a'): any assertion about one value, with the value left out.
local match = { _ = compare.new_matcher('match._', function() return true end) }
match.is_matcher = compare.is_matcher

local function new_matcher(node, ...)
  local spelt, given = concat(node.spelt, '.'), pack(...)
  if not node.assertion then error(format('%s: %s needs one more word: what is to match', place(), spelt), 0) end
  return compare.new_matcher(spelt .. show.arguments(given), function(value)
    local at = given.n == 0 and 1 or node.assertion.value_at
    local arguments = { n = given.n + 1, unpack(given, 1, at - 1) }
    arguments[at] = value
    for i = at, given.n do arguments[i + 1] = given[i] end
    return not node.assertion.check(arguments, node) == node.negated
  end)
end

local matcher_words
function matcher_words(node)
  return {
    __metatable = false,
    __index = function(_, key) return setmetatable({}, matcher_words(extend(node, key))) end,
    __call = function(_, ...) return new_matcher(node, ...) end,
  }
end

setmetatable(match, matcher_words { words = {}, spelt = { 'match' } })

local function grouped(name, judge_all)
  match[name] = function(...)
    local matchers = pack(...)
    return compare.new_matcher(format('match.%s%s', name, show.arguments(matchers)), function(value)
      local accepted = 0
      for i = 1, matchers.n do accepted = accepted + (compare.same(matchers[i], value) and 1 or 0) end
      return judge_all(accepted, matchers.n)
    end)
  end
end

grouped('is_all_of', function(accepted, count) return accepted == count end)
grouped('is_any_of', function(accepted) return accepted > 0 end)
grouped('is_none_of', function(accepted) return accepted == 0 end)

sandbox.env.match, sandbox.env.package.loaded['luassert.match'] = match, match
