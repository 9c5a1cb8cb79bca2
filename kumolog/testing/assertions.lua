-- The assertions of luassert: what each asks, and the words in which it fails.

local guard, sandbox, _, host, compare, show, assert_room = ...

local still_in_time, type_of = guard.still_in_time, sandbox.env.type
local abs, error, find, format, gsub, is_failure, metatable_of, pack, pcall, rawget, same, short, sub, tostring,
      type, unpack =
  math.abs, error, string.find, string.format, string.gsub, assert_room.is_failure, debug.getmetatable,
  table.pack, pcall, rawget, compare.same, show.short, string.sub, tostring, type, table.unpack
local define = assert_room.define
local text_difference, line_difference = guard.bridge(host.text_difference), guard.bridge(host.line_difference)

-- Which values, in words; their types where these are all that tells them apart.
local SCALAR = { number = true, string = true, boolean = true }
local function expected_and_got(expected, actual)
  local e, a = type_of(expected), type_of(actual)
  if e == a or not (SCALAR[e] and SCALAR[a]) then
    return format('expected %s, got %s', short(expected), short(actual))
  end
  return format('expected %s (a %s), got %s (a %s)', short(expected), e, short(actual), a)
end

local SHORT_STRING = 30
local function is_long(text) return #text > SHORT_STRING or find(text, '%c') end

local function difference(expected, actual)
  if type(expected) == 'string' and type(actual) == 'string' and (is_long(expected) or is_long(actual)) then
    return 'the strings differ:\n' .. text_difference(expected, actual)
  end
  return expected_and_got(expected, actual)
end

local function table_difference(expected, actual)
  local path, e, a = compare.first_difference(expected, actual)
  local lines = line_difference(show.lines_of(expected, actual), show.lines_of(actual))
  return format('the tables differ at %s: %s\n%s', show.path_text(path), difference(e, a), lines)
end

-- Equality --------------------------------------------------------------------------------------------

local function both(arguments)
  return function() return 'both are ' .. short(arguments[1]) end
end

define('equal equals', 2, function(arguments)
  local expected, actual = arguments[1], arguments[2]
  return expected == actual, function(negated)
    if negated then return both(arguments)() end
    if type(expected) ~= 'table' or not same(expected, actual) then return difference(expected, actual) end
    return format('two tables of the same content are not the same table: compare contents with assert.are.same '
      .. '(both hold %s)', short(actual))
  end
end)

define('same', 2, function(arguments)
  local expected, actual = arguments[1], arguments[2]
  return same(expected, actual), function(negated)
    if negated then return both(arguments)() end
    if compare.by_content(expected, actual) then return table_difference(expected, actual) end
    return difference(expected, actual)
  end
end)

define('near', 3, function(arguments)
  local expected, actual, tolerance = arguments[1], arguments[2], arguments[3]
  for i = 1, 3 do
    if type(arguments[i]) ~= 'number' then
      error(format('assert.near needs three numbers, expected, actual and tolerance: argument #%d is %s', i,
        short(arguments[i])), 0)
    end
  end
  return abs(expected - actual) <= tolerance, function(negated)
    return format('expected %s%s with a tolerance of %s, got %s, which is %.6g away',
      negated and 'anything but ' or '', short(expected), short(tolerance), short(actual), abs(expected - actual))
  end
end)

define('unique', 2, function(arguments)
  local list, deep = arguments[1], arguments[2]
  if type(list) ~= 'table' then error('assert.unique needs a table, got ' .. short(list), 0) end
  local keys = compare.sorted_keys(list)
  for i, key in ipairs(keys) do
    for j = i + 1, #keys do
      local one, other = rawget(list, key), rawget(list, keys[j])
      if one == other or deep == true and same(one, other) then
        return false, function() return format('[%s] and [%s] are both %s', short(key), short(keys[j]), short(one)) end
      end
    end
  end
  return true, function() return 'no two values are equal in ' .. short(list) end
end, 1)

-- Kinds -----------------------------------------------------------------------------------------------

local function about_one(names, what, holds)
  define(names, 1, function(arguments)
    local value = arguments[1]
    return holds(value), function(negated)
      local article = negated and 'anything but ' or ''
      return format('expected %s%s, got %s', article, what, arguments.n == 0 and 'no value' or short(value))
    end
  end)
end

about_one('true', 'true', function(value) return value == true end)
about_one('false', 'false', function(value) return value == false end)
about_one('nil', 'nil', function(value) return value == nil end)
about_one('truthy', 'something true (neither nil nor false)', function(value) return value and true or false end)
about_one('falsy', 'nil or false', function(value) return not value end)
for _, kind in ipairs { 'boolean', 'number', 'string', 'table', 'function', 'userdata', 'thread' } do
  about_one(kind, 'a ' .. kind, function(value) return type_of(value) == kind end)
end
about_one('callable', 'something to call', function(value)
  local metatable = metatable_of(value)
  return type(value) == 'function' or type(metatable) == 'table' and rawget(metatable, '__call') ~= nil
end)

-- Texts -----------------------------------------------------------------------------------------------

define('matches match', 4, function(arguments)
  local pattern, text = arguments[1], arguments[2]
  local init, plain = arguments[3], arguments[4]
  if type(pattern) ~= 'string' then error('assert.matches needs a pattern first, got ' .. short(pattern), 0) end
  if type(init) == 'string' then arguments[5], init = init, nil end
  if type(text) == 'number' then text = tostring(text) end
  if type(text) ~= 'string' then
    return false, function() return format('expected a string that matches %s, got %s', short(pattern), short(text)) end
  end
  local found = pack(find(text, pattern, init, plain))
  local captures = found.n > 2 and pack(unpack(found, 3, found.n)) or pack(found[1] and sub(text, found[1], found[2]))
  return found[1] ~= nil, function(negated)
    return format('%s %s the %s %s', short(text), negated and 'matches' or 'does not match',
      plain and 'text' or 'pattern', short(pattern))
  end, captures
end)

-- Errors ----------------------------------------------------------------------------------------------

-- Calls the function under test: whether it raised, and what, as text where it has one.
local function raised(what, f)
  local metatable = metatable_of(f)
  if type(f) ~= 'function' and not (type(metatable) == 'table' and rawget(metatable, '__call')) then
    error(format('assert.%s needs a function to call, got %s: wrap the call, as in function() f(x) end', what,
      short(f)), 0)
  end
  local ok, problem = still_in_time(pcall(f))
  if ok then return false end
  if is_failure(problem) then return true, problem.message end
  local text = problem
  if type(problem) == 'table' and rawget(metatable_of(problem) or {}, '__tostring') then text = tostring(problem) end
  return true, problem, type(text) == 'string' and show.full_names(text) or text
end

-- An error's text without its place.
local function bare(text) return (gsub(text, '^[^\n]-:%d+: ', '', 1)) end

local function no_error_raised(negated, problem)
  if not negated then return 'expected an error, but none was raised' end
  if type(problem) == 'string' then return 'expected no error, got: ' .. problem end
  return 'expected no error, got ' .. short(problem)
end

define('error errors', 2, function(arguments)
  local any, problem, text = raised('has_error', arguments[1])
  local expected = arguments[2]
  if expected == nil then
    return any, function(negated) return no_error_raised(negated, text) end, pack(problem)
  end
  if not any then
    return false, function() return format('expected the error %s, but none was raised', short(expected)) end
  end
  local holds = same(expected, problem) or same(expected, text)
    or type(text) == 'string' and same(expected, bare(text))
  return holds, function(negated)
    if negated then return 'the error is ' .. short(problem) end
    local got = type(expected) == 'string' and type(text) == 'string' and bare(text) or problem
    return 'another error was raised: ' .. difference(expected, got)
  end, pack(problem)
end, 1)

define('error_matches error_match matches_error match_error errors_match errors_matches', 4, function(arguments)
  local any, problem, text = raised('error_matches', arguments[1])
  local pattern = arguments[2]
  if type(pattern) ~= 'string' then error('assert.error_matches needs a pattern second, got ' .. short(pattern), 0) end
  text = type(text or problem) == 'string' and (text or problem) or short(problem)
  if not any then
    return false, function() return format('expected an error that matches %s, but none was raised', short(pattern)) end
  end
  return find(text, pattern, arguments[3], arguments[4]) ~= nil, function(negated)
    return format('the error %s %s %s', short(text), negated and 'matches' or 'does not match', short(pattern))
  end, pack(problem)
end, 1)

define('returned_arguments', nil, function(arguments)
  local count = arguments.n - 1
  return count == arguments[1], function(negated)
    return format('expected %s%d values, got %d', negated and 'not ' or '', arguments[1], count)
  end
end)
