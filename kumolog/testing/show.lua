-- Values as texts for messages: on one line and cut short, or a line for each leaf, to be compared.

local guard, sandbox, values, _, compare = ...

local byte, concat, find, format, getinfo, gsub, is_matcher, math_type, metatable_of, next, pcall, rawget, rawlen,
      rep, sorted_keys, sub, tonumber, tostring, type =
  string.byte, table.concat, string.find, string.format, debug.getinfo, string.gsub, compare.is_matcher, math.type,
  debug.getmetatable, next, pcall, rawget, rawlen, string.rep, compare.sorted_keys, string.sub, tonumber, tostring,
  type

local MAX_LINES, MAX_DEPTH, MAX_STRING, MAX_SHORT = 2000, 60, 2000, 90

-- Cuts between characters, not in one.
local function cut(text, most)
  if #text <= most then return text end
  local last = most
  while last > 0 and (byte(text, last + 1) & 0xc0) == 0x80 do last = last - 1 end
  return sub(text, 1, last) .. '...'
end

local ESCAPES = { ['\n'] = '\\n', ['\t'] = '\\t', ['\r'] = '\\r', ['\0'] = '\\0', ['\\'] = '\\\\' }
local function escape(char) return ESCAPES[char] or format('\\x%02x', byte(char)) end

local function quoted(text, most)
  local mark = find(text, "'", 1, true) and not find(text, '"', 1, true) and '"' or "'"
  local body = gsub(gsub(cut(text, most), '[%c\\]', escape), mark, '\\' .. mark)
  local rest = #text > most and format(' (%d bytes)', #text) or ''
  return mark .. body .. mark .. rest
end

-- Numbers that are equal look equal.
local function number_text(number)
  if math_type(number) == 'integer' then return format('%d', number) end
  if number ~= number then return 'nan' end
  if number % 1 == 0 and number > -2.0 ^ 53 and number < 2.0 ^ 53 then return format('%d', number) end
  local text = format('%.14g', number)
  return tonumber(text) == number and text or format('%.17g', number)
end

local function function_text(f)
  local info = getinfo(f, 'S')
  if sub(info.source, 1, 1) ~= '@' then return 'a built-in function' end
  return format('function <%s:%d>', sub(info.source, 2), info.linedefined)
end

local function object_text(object)
  local ok, text = pcall(tostring, object)
  guard.still_in_time(ok, text)
  local name = rawget(metatable_of(object), '__name')
  if not ok or find(text, name .. ': ', 1, true) == 1 then return format('<%s>', name) end
  return format('<%s %s>', name, quoted(text, MAX_STRING))
end

local LEAVES = {
  ['nil'] = tostring,
  boolean = tostring,
  number = number_text,
  string = function(text) return quoted(text, MAX_STRING) end,
  ['function'] = function_text,
  thread = function() return 'a coroutine' end,
  userdata = function() return 'userdata' end,
}

-- The text of what is not looked into, nil for a plain table.
local function leaf(value)
  local text_of = LEAVES[type(value)]
  if text_of then return text_of(value) end
  if is_matcher(value) then return value.text end
  if values.is_object(value) then return object_text(value) end
  if next(value) == nil then return '{}' end
end

local function key_text(key)
  if type(key) == 'string' and find(key, '^[%a_][%w_]*$') then return key end
  return format('[%s]', leaf(key) or 'a table')
end

local function inline(value, depth, room)
  local text = leaf(value)
  if text then return text end
  if depth > 2 then return '{...}' end
  local parts, used, length = {}, 0, rawlen(value)
  for i, key in ipairs(sorted_keys(value)) do
    if used > room then
      parts[i] = '...'
      break
    end
    local prefix = math_type(key) == 'integer' and key >= 1 and key <= length and '' or key_text(key) .. ' = '
    parts[i] = prefix .. inline(rawget(value, key), depth + 1, room - used)
    used = used + #parts[i]
  end
  return '{ ' .. concat(parts, ', ') .. ' }'
end

-- One line, cut short.
local function short(value)
  if type(value) == 'string' then return quoted(value, MAX_SHORT) end
  return cut(inline(value, 0, MAX_SHORT), MAX_SHORT)
end

-- Several values, as they stand between a call's parentheses.
local function arguments(packed)
  local texts = {}
  for i = 1, packed.n do texts[i] = short(packed[i]) end
  return '(' .. concat(texts, ', ') .. ')'
end

local function counterpart(value, other, key)
  local child, beside = rawget(value, key), type(other) == 'table' and rawget(other, key) or nil
  -- What counts as the same shall look the same, or a comparison of lines would mark it.
  if type(child) == 'table' and metatable_of(child) and compare.same(child, beside) then child = beside end
  return child, beside
end

-- A line for each leaf. other: the value to be compared with, where there is one.
local function lines_of(value, other)
  local lines, inside = {}, {}
  local function walk(item, beside, depth, prefix, suffix)
    if #lines >= MAX_LINES then return end
    local indent = rep('  ', depth)
    local text = leaf(item) or inside[item] and '<a table around this one>' or depth >= MAX_DEPTH and '{...}'
    if text then
      lines[#lines + 1] = indent .. prefix .. text .. suffix
      return
    end
    inside[item] = true
    lines[#lines + 1] = indent .. prefix .. '{'
    local length = rawlen(item)
    for _, key in ipairs(sorted_keys(item)) do
      local child, child_beside = counterpart(item, beside, key)
      local named = not (math_type(key) == 'integer' and key >= 1 and key <= length)
      walk(child, child_beside, depth + 1, named and key_text(key) .. ' = ' or '', ',')
    end
    lines[#lines + 1] = indent .. '}' .. suffix
    inside[item] = nil
  end
  walk(value, other, 0, '', '')
  if #lines >= MAX_LINES then lines[#lines + 1] = '... and more' end
  return concat(lines, '\n')
end

-- The way to a value inside a table: .meta.list[2]
local function path_text(path)
  local texts = {}
  for i, key in ipairs(path) do
    local text = key_text(key)
    texts[i] = sub(text, 1, 1) == '[' and text or '.' .. text
  end
  return concat(texts)
end

-- A message in which the names of files stand in full: Lua shortens long ones.
local function full_names(text)
  for short_name, full in next, sandbox.long_names do
    text = gsub(text, gsub(short_name, '%W', '%%%0'), (gsub(full, '%%', '%%%%')))
  end
  return text
end

return { arguments = arguments, full_names = full_names, lines_of = lines_of, path_text = path_text, short = short }
