-- The cases of it.each and describe.each: what each test is handed, and what it is called.

local guard, _, _, _, compare, show = ...

local error, format, gmatch, gsub, match, pcall, place, rawlen, sub, tostring, type, unpack =
  error, string.format, string.gmatch, string.gsub, string.match, pcall, guard.place, rawlen, string.sub,
  tostring, type, table.unpack

-- A case that is a sequence and nothing else is handed over as several arguments, any other as one.
local function arguments_of(case)
  if type(case) == 'table' and #compare.sorted_keys(case) == rawlen(case) and rawlen(case) > 0 then
    return { n = rawlen(case), unpack(case, 1, rawlen(case)) }
  end
  return { n = 1, case }
end

-- The cases in order: those of a sequence by number, those of any other table by their names.
local function entries(word, list)
  if type(list) ~= 'table' then
    error(format('%s: %s.each needs a table of cases, got %s', place(), word, show.short(list)), 0)
  end
  local keys = compare.sorted_keys(list)
  if #keys == 0 then error(format('%s: %s.each needs at least one case, the table is empty', place(), word), 0) end
  local found = {}
  for i, key in ipairs(keys) do
    local label = type(key) == 'string' and key or nil
    found[i] = { case = list[key], label = label, number = i, arguments = arguments_of(list[key]) }
  end
  return found
end

local function plain(value) return type(value) == 'string' and value or show.short(value) end

-- What names a case where the name of the test leaves that open.
local function label_of(entry)
  local case = entry.case
  if entry.label then return entry.label end
  if type(case) == 'table' and type(case.name) == 'string' then return case.name end
  if type(case) ~= 'table' then return plain(case) end
  return format('case %d', entry.number)
end

local function field(case, path)
  local value = case
  for key in gmatch(path, '[^.]+') do
    if type(value) ~= 'table' then return nil end
    value = value[key]
  end
  return value
end

-- Fills $name and $name.inner with fields of the case, %s and its like with its arguments.
local function name_of(name, entry)
  local filled, at = false, 0
  local text = gsub(name, '%$([%a_][%w_.]*)', function(found)
    local path, dots = match(found, '^(.-)(%.*)$')
    local value = field(entry.case, path)
    if value == nil then return nil end
    filled = true
    return gsub(plain(value), '%%', '%%%%') .. dots
  end)
  text = gsub(text, '%%[-+ 0-9.]*[%%a-zA-Z]', function(directive)
    if directive == '%%' then return '%' end
    at, filled = at + 1, true
    local value = entry.arguments[at]
    if sub(directive, -1) == 's' then value = plain(value) end
    local ok, written = pcall(format, directive, value)
    return ok and written or tostring(value)
  end)
  if not filled then text = format('%s (%s)', text, label_of(entry)) end
  return text
end

return { entries = entries, name_of = name_of }
