-- What is the same: deep comparison as luassert's `same` has it, and where two values first differ.

local _, _, values = ...

local format, metatable_of, next, rawget, setmetatable, sort, type =
  string.format, debug.getmetatable, next, rawget, setmetatable, table.sort, type

-- A matcher stands for all values that it accepts, wherever values are compared deeply.
local Matcher = { __metatable = false, __name = 'matcher' }
local function new_matcher(text, accepts) return setmetatable({ text = text, accepts = accepts }, Matcher) end
local function is_matcher(value) return type(value) == 'table' and metatable_of(value) == Matcher end

-- Two tables are compared by content unless their common metatable has an opinion, or a host object is one.
local function by_content(expected, actual)
  if type(expected) ~= 'table' or type(actual) ~= 'table' or is_matcher(expected) then return false end
  local metatable = metatable_of(expected)
  if metatable == metatable_of(actual) then return not (metatable and rawget(metatable, '__eq')) end
  return not (values.is_object(expected) or values.is_object(actual))
end

-- seen: pairs of tables under comparison, which count as the same, so that tables may contain themselves.
local function same(expected, actual, seen)
  if expected == actual then return true end
  if is_matcher(expected) then return expected.accepts(actual) end
  if not by_content(expected, actual) then return false end
  seen = seen or {}
  local met = seen[expected] or {}
  if met[actual] then return true end
  seen[expected], met[actual] = met, true
  for key, value in next, expected do
    if not same(value, rawget(actual, key), seen) then return false end
  end
  for key in next, actual do
    if rawget(expected, key) == nil then return false end
  end
  return true
end

-- Numbers first, then texts, then the rest.
local RANKS = { number = 1, string = 2 }
local function before(a, b)
  local rank_a, rank_b = RANKS[type(a)] or 3, RANKS[type(b)] or 3
  if rank_a ~= rank_b then return rank_a < rank_b end
  if rank_a < 3 then return a < b end
  return format('%s%p', type(a), a) < format('%s%p', type(b), b)
end

-- The keys of one or two tables, in order.
local function sorted_keys(first, second)
  local keys = {}
  for key in next, first do keys[#keys + 1] = key end
  for key in next, second or {} do
    if rawget(first, key) == nil then keys[#keys + 1] = key end
  end
  sort(keys, before)
  return keys
end

local function differing_key(expected, actual, visited)
  for _, key in ipairs(sorted_keys(expected, actual)) do
    local e, a = rawget(expected, key), rawget(actual, key)
    local known = visited[e]
    if not (known and known[a]) and not same(e, a) then return key end
  end
end

-- The keys that lead to the first difference, and the two values there.
local function first_difference(expected, actual)
  local path, visited = {}, {}
  while by_content(expected, actual) do
    visited[expected] = visited[expected] or {}
    visited[expected][actual] = true
    local key = differing_key(expected, actual, visited)
    if key == nil then break end
    path[#path + 1] = key
    expected, actual = rawget(expected, key), rawget(actual, key)
  end
  return path, expected, actual
end

return {
  by_content = by_content,
  first_difference = first_difference,
  is_matcher = is_matcher,
  new_matcher = new_matcher,
  same = same,
  sorted_keys = sorted_keys,
}
