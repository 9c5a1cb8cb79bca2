-- Looks through lines of records as they stand in a block of text: which of them are, byte for byte, what kumolog
-- writes for the record they hold. Runs in LuaJIT. What looks at the fields is made of code that Python gives, a loop
-- over all lines for some fields each: of a few straight steps the compiler makes the best code.

local bodies, width = ...

local ffi = require 'ffi'
ffi.cdef [[
  void *memchr(const void *text, int character, size_t size);
  int memcmp(const void *one, const void *other, size_t size);
  size_t strspn(const char *text, const char *accepted);
]]
local C, cast, copy, fill, new, text_of = ffi.C, ffi.cast, ffi.copy, ffi.fill, ffi.new, ffi.string
local band, bor, bnot, bxor, rol, rshift = bit.band, bit.bor, bit.bnot, bit.bxor, bit.rol, bit.rshift
local bytes, chars, words = ffi.typeof 'const uint8_t *', ffi.typeof 'const char *', ffi.typeof 'const int32_t *'
local long_words = ffi.typeof 'const uint64_t *'

-- A trace of straight code has many more guards than the compiler counts on.
jit.opt.start('maxtrace=8000', 'maxrecord=20000', 'maxirconst=4000', 'maxsnap=4000', 'maxside=500', 'maxmcode=4096')

local QUOTE, COMMA, ZERO, NINE, COLON, BACKSLASH = 34, 44, 48, 57, 58, 92
local OPENING_BRACE, CLOSING_BRACE, OPENING_BRACKET, CLOSING_BRACKET = 123, 125, 91, 93

-- What lies behind the text: quotes and a line end, at which every search ends, however far it may go.
local MARGIN, FAR = 128, 0x7fffffff

-- What was found in the whole of the block.
local flags = new 'uint8_t[4]'
local HAS_MEMBERS, BEYOND_ASCII = 0, 2

-- Texts ---------------------------------------------------------------------------------------------------
-- All of them give the place behind what they have found, or -1 for what is to be looked at in another way.

local function text_without_escapes(p, i) return cast(bytes, C.memchr(p + i, QUOTE, FAR)) - p + 1 end

local short_escapes = new 'uint8_t[256]'
for escape in ('"\\bfnrt'):gmatch '.' do short_escapes[escape:byte()] = 1 end
local breaks = new 'uint8_t[256]'
breaks[('n'):byte()], breaks[('r'):byte()] = 1, 1
local no_breaks = new 'uint8_t[256]'

-- Of the escapes \u0000 to \u001f those that have no shorter form, by the last two digits.
local long_escapes = new 'uint8_t[65536]'
for code = 0, 31 do
  if code < 8 or code == 11 or code > 13 then
    local digits = ('%02x'):format(code)
    long_escapes[digits:byte(1) * 256 + digits:byte(2)] = 1
  end
end

-- From a backslash on.
local function text_from_escape(p, i, refused)
  while true do
    local character = p[i + 1]
    if short_escapes[character] ~= 0 then
      if refused[character] ~= 0 then return -1 end
      i = i + 2
    elseif character == 117 and p[i + 2] == ZERO and p[i + 3] == ZERO
      and long_escapes[p[i + 4] * 256 + p[i + 5]] ~= 0 then
      i = i + 6
    else
      return -1
    end
    local ending = cast(bytes, C.memchr(p + i, QUOTE, FAR)) - p
    local escape = C.memchr(p + i, BACKSLASH, ending - i)
    if escape == nil then return ending + 1 end
    i = cast(bytes, escape) - p
  end
end

local function text_with(refused)
  return function(p, i)
    local ending = cast(bytes, C.memchr(p + i, QUOTE, FAR)) - p
    local escape = C.memchr(p + i, BACKSLASH, ending - i)
    if escape == nil then return ending + 1 end
    return text_from_escape(p, cast(bytes, escape) - p, refused)
  end
end

-- Numbers -------------------------------------------------------------------------------------------------

local decimal = new('char[11]', '0123456789')
local function digits(p, i) return tonumber(C.strspn(cast(chars, p + i), decimal)) end

-- A whole number of at most so many digits.
local function natural(p, i, most)
  local count = digits(p, i)
  if count == 0 or count > most or (p[i] == ZERO and count > 1) then return -1 end
  return i + count
end

-- With up to 15 digits a fraction without needless zeros is the shortest text for its number; without an exponent
-- it is written if it is not very small.
local MOST_DIGITS, MOST_WHOLE_DIGITS = 15, 18
local function any_number(p, i)
  local start = i
  if p[i] == 45 then i = i + 1 end
  local whole = natural(p, i, MOST_WHOLE_DIGITS)
  if whole < 0 then return -1 end
  if p[whole] ~= 46 then
    if p[whole] == 101 or p[whole] == 69 or (i > start and p[i] == ZERO) then return -1 end
    return whole
  end
  local fraction = digits(p, whole + 1)
  local ending = whole + 1 + fraction
  if fraction == 0 or fraction + whole - i > MOST_DIGITS or p[ending] == 101 or p[ending] == 69 then return -1 end
  local is_small = p[i] == ZERO and p[whole + 1] == ZERO
  if fraction == 1 and not (is_small and i > start) then return ending end
  if is_small or p[ending - 1] == ZERO then return -1 end
  return ending
end

-- Objects and lists ---------------------------------------------------------------------------------------

local MOST_DEEP, MOST_KEYS = 16, 4096
local SEEN_BITS = 14
local seen = new('int32_t[?]', 2 ^ SEEN_BITS) -- by hash of the key: the object in which it was last seen
local objects = 0
local key_starts, key_ends, keys = new('int32_t[?]', MOST_KEYS), new('int32_t[?]', MOST_KEYS), 0

local function is_among_keys(p, from, to, first)
  for k = first, keys - 1 do
    if key_ends[k] - key_starts[k] == to - from and C.memcmp(p + key_starts[k], p + from, to - from) == 0 then
      return true
    end
  end
  return false
end

local function new_object()
  if objects == 0x7fffffff then
    fill(seen, ffi.sizeof(seen))
    objects = 0
  end
  objects = objects + 1
  return objects
end

-- Takes note of a key, quotes included; whether it is new in its object.
local function note_key(p, from, to, object, first)
  if to - from < 3 or keys == MOST_KEYS then return false end -- the hash needs four bytes
  local hash = bxor(cast(words, p + from)[0], rol(cast(words, p + to - 3)[0], 7), to - from)
  hash = rshift(bxor(hash, rshift(hash, 15)) * 40503 % 0x100000000, 32 - SEEN_BITS)
  if seen[hash] == object and is_among_keys(p, from, to, first) then return false end
  seen[hash] = object
  key_starts[keys], key_ends[keys] = from, to
  keys = keys + 1
  return true
end

local function constant(p, i)
  if p[i] == 116 then return p[i + 1] == 114 and p[i + 2] == 117 and p[i + 3] == 101 and i + 4 or -1 end
  if p[i] == 110 then return p[i + 1] == 117 and p[i + 2] == 108 and p[i + 3] == 108 and i + 4 or -1 end
  return p[i] == 102 and p[i + 1] == 97 and p[i + 2] == 108 and p[i + 3] == 115 and p[i + 4] == 101 and i + 5 or -1
end

-- What looks at values whose texts `text` looks at.
local function values_with(text)
  local any_value

  -- A list of at least so many texts.
  local function texts(p, i, least)
    if p[i] ~= OPENING_BRACKET then return -1 end
    i = i + 1
    if p[i] == CLOSING_BRACKET then return least == 0 and i + 1 or -1 end
    local count = 0
    while p[i] == QUOTE do
      i = text(p, i + 1)
      if i < 0 then return -1 end
      count = count + 1
      if p[i] == CLOSING_BRACKET then return count >= least and i + 1 or -1 end
      if p[i] ~= COMMA then return -1 end
      i = i + 1
    end
    return -1
  end

  local function list(p, i, depth)
    i = i + 1
    if p[i] == CLOSING_BRACKET then return i + 1 end
    while true do
      i = any_value(p, i, depth)
      if i < 0 then return -1 end
      if p[i] == CLOSING_BRACKET then return i + 1 end
      if p[i] ~= COMMA then return -1 end
      i = i + 1
    end
  end

  -- A member of an object, whose keys begin with the first.
  local function member(p, i, object, first, depth, has_texts_only)
    if p[i] ~= QUOTE then return -1 end
    local ending = text(p, i + 1)
    if ending < 0 or p[ending] ~= COLON or not note_key(p, i, ending, object, first) then return -1 end
    if p[ending + 1] == QUOTE then return text(p, ending + 2) end
    if has_texts_only then return texts(p, ending + 1, 0) end
    return any_value(p, ending + 1, depth)
  end

  local function any_object(p, i, depth)
    i = i + 1
    if p[i] == CLOSING_BRACE then return i + 1 end
    local object, first = new_object(), keys
    local ending = member(p, i, object, first, depth, false)
    while ending >= 0 and p[ending] == COMMA do ending = member(p, ending + 1, object, first, depth, false) end
    keys = first
    return ending >= 0 and p[ending] == CLOSING_BRACE and ending + 1 or -1
  end

  function any_value(p, i, depth)
    local character = p[i]
    if character == QUOTE then return text(p, i + 1) end
    if character <= NINE then return any_number(p, i) end
    if depth == MOST_DEEP then return -1 end
    if character == OPENING_BRACE then return any_object(p, i, depth + 1) end
    if character == OPENING_BRACKET then return list(p, i, depth + 1) end
    return constant(p, i)
  end

  -- For each line an object that comes next in it. All members of all of them are one loop: loops in loops are what
  -- the compiler is bad at.
  local function objects(has_texts_only)
    return function(p, places, _, last)
      local n, i, object = -1, -1, 0
      while true do
        if i >= 0 then
          local ending = member(p, i, object, 0, 0, has_texts_only)
          if ending >= 0 and p[ending] == COMMA then
            i = ending + 1
          else
            places[n * width] = ending >= 0 and p[ending] == CLOSING_BRACE and ending + 1 or -1
            i = -1
          end
        else
          n = n + 1
          if n > last then return end
          local start = places[n * width]
          if start >= 0 then
            if p[start] ~= OPENING_BRACE then
              places[n * width] = -1
            elseif p[start + 1] == CLOSING_BRACE then
              places[n * width] = start + 2
            else
              flags[HAS_MEMBERS] = 1
              object, keys, i = new_object(), 0, start + 1
            end
          end
        end
      end
    end
  end

  return {
    any_value = any_value,
    texts = texts,
    any_object = function(p, i) return p[i] == OPENING_BRACE and any_object(p, i, 0) or -1 end,
    ['objects of any values'] = objects(false),
    ['objects of texts'] = objects(true),
  }
end

-- The loops -----------------------------------------------------------------------------------------------

-- For each line: how far it has been looked at, -1 for an odd one, then the places of some of its fields.
local places, most_lines = nil, 0
-- For each line a character for its type.
local codes = nil

local function loops_with(text, line_text, values)
  local made = {}
  for k = 1, #bodies do
    local body = bodies[k]
    local source = 'local text, line_text, natural, values, cast, words, flags = ...\n'
      .. 'local texts, any_object = values.texts, values.any_object\n'
      .. 'return function(p, places, codes, last)\nfor n = 0, last do\n'
      .. 'local at = n * ' .. width .. '\nlocal i = places[at]\nif i >= 0 then\n' .. body
      .. '\nplaces[at] = i\ngoto next\n::odd:: places[at] = -1\n::next::\nend\nend\nend\n'
    made[k] = values[body] or assert(loadstring(source, '=fields'))(text, line_text, natural, values, cast, words, flags)
  end
  return made
end

local plain = loops_with(text_without_escapes, text_without_escapes, values_with(text_without_escapes))
local careful_text = text_with(no_breaks)
local careful_values = values_with(careful_text)
local careful = loops_with(careful_text, text_with(breaks), careful_values)

-- Eight bytes at a time: the top bit of those that are control characters. A line end is none in `beside_ends`, nor
-- what stands right behind one: that passes here, and never as the first field of a line.
local ONES, HIGH, SPACES, ENDS = 0x0101010101010101ULL, 0x8080808080808080ULL, 0x2020202020202020ULL, 0x0a0a0a0a0a0a0a0aULL
local function controls(eight) return band(eight - SPACES, bnot(eight)) end
local function beside_ends(eight)
  local ends = bxor(eight, ENDS)
  return band(controls(eight), bnot(band(ends - ONES, bnot(ends))))
end

-- Whether there is none from one place to another, or a few bytes behind it.
local function is_clean(p, from, to)
  for i = from, to, 32 do
    local four = cast(long_words, p + i)
    local a, b, c, d = four[0], four[1], four[2], four[3]
    if band(bor(controls(a), controls(b), controls(c), controls(d)), HIGH) ~= 0
      and band(bor(beside_ends(a), beside_ends(b), beside_ends(c), beside_ends(d)), HIGH) ~= 0 then
      return false
    end
    if band(bor(a, b, c, d), HIGH) ~= 0 then flags[BEYOND_ASCII] = 1 end
  end
  return true
end

local function find_lines(p, size)
  local is_all_clean = is_clean(p, 0, size - 1)
  local i, count = 0, 0
  while i < size do
    if count >= most_lines then return -1 end
    local ending = cast(bytes, C.memchr(p + i, 10, FAR)) - p
    places[count * width] = (is_all_clean or is_clean(p, i, ending - 1)) and i or -1
    codes[count] = 0
    count = count + 1
    i = ending + 1
  end
  return count
end

-- A text without its own end may have run into the next line.
local function check_ends(p, count)
  local start = 0
  for n = 0, count - 1 do
    local ending = cast(bytes, C.memchr(p + start, 10, FAR)) - p + 1
    local at = n * width
    if places[at] ~= ending then
      codes[n] = 0
      places[at] = -1
    end
    start = ending
  end
end

local LEAST_ROOM, SHORTEST = 65536, 32 -- bytes of text; of a line, on the average: no record is so short
local buffer, room, lines = nil, 0, 0
local answer, null_at -- what is given for a field; where the buffer has a null for odd lines

local function make_room(size)
  if size <= room then return end
  room = math.max(size * 2, LEAST_ROOM)
  buffer = new('uint8_t[?]', room + 2 * MARGIN)
  most_lines = math.floor(room / SHORTEST)
  answer, null_at = new('uint8_t[?]', 2 * room + 5 * most_lines), room + 2 * MARGIN - 4
  copy(buffer + null_at, 'null', 4)
  places, codes = new('int32_t[?]', most_lines * width), new('uint8_t[?]', most_lines)
end

-- Looks through a text of whole lines at an address: for each a character for its type, NUL for an odd one, and what
-- else was found, a byte each; nothing where there are too many lines to be records.
local function scan(address, size, has_escapes)
  make_room(size)
  copy(buffer, cast(bytes, address), size)
  fill(buffer + size, MARGIN, QUOTE)
  buffer[size + MARGIN - 1] = 10
  fill(flags, 4)
  local p = cast(bytes, buffer)
  lines = find_lines(p, size)
  if lines < 0 then return nil end
  local made = has_escapes and careful or plain
  for k = 1, #made do made[k](p, places, codes, lines - 1) end
  check_ends(p, lines)
  return text_of(codes, lines), text_of(flags, 4)
end

-- The values of a field in the lines that were looked through last, as lines; null for an odd line.
local function field(number)
  local from, to = 2 * number - 1, 2 * number
  local size = 0
  for n = 0, lines - 1 do
    local at = n * width
    local start, length = null_at, 4
    if places[at] >= 0 then
      start, length = places[at + from], places[at + to] - places[at + from]
    end
    copy(answer + size, buffer + start, length)
    answer[size + length] = 10
    size = size + length + 1
  end
  return text_of(answer, size)
end

-- Other objects in the place of two of the fields, whose members are known ---------------------------------

local any_value = careful_values.any_value
local value_starts, value_ends = new('int32_t[?]', MOST_KEYS + 1), new('int32_t[?]', MOST_KEYS + 1)

-- Writes at a place of the answer what is taken of the object at i, in that order; where that ends. -1 where the
-- object has not just these keys, or a null that is to be left out.
local function write_taken(p, i, place, wanted)
  local last = wanted.count
  i = i + 1
  for k = 1, last do
    local key = wanted.keys[k]
    if C.memcmp(p + i, key, #key) ~= 0 then return -1 end
    value_starts[k] = i + #key
    i = any_value(p, i + #key, 0)
    value_ends[k] = i
    if p[i] ~= (k == last and CLOSING_BRACE or COMMA) then return -1 end
    i = i + 1
  end
  if last == 0 and p[i] ~= CLOSING_BRACE then return -1 end
  answer[place] = OPENING_BRACE
  place = place + 1
  for t = 1, wanted.taken do
    local k, key = wanted.places[t], wanted.names[t]
    local start, size = value_starts[k], value_ends[k] - value_starts[k]
    if wanted.drops_nulls and size == 4 and p[start] == 110 then return -1 end
    copy(answer + place, key, #key)
    copy(answer + place + #key, p + start, size)
    place = place + #key + size
    answer[place] = t == wanted.taken and CLOSING_BRACE or COMMA
    place = place + 1
  end
  if wanted.taken == 0 then
    answer[place] = CLOSING_BRACE
    place = place + 1
  end
  return place
end

-- Of the lines that were looked through last those with a byte that is not zero in the mask, with what is wanted of
-- two fields; nothing where one of them is odd, is of a type that is left out, or has other keys.
local function splice(first, first_wanted, second, second_wanted, left_out, mask)
  local p, chosen, start, place = cast(bytes, buffer), cast(bytes, mask), 0, 0
  for n = 0, lines - 1 do
    local at = n * width
    local ending = places[at]
    if ending < 0 then return nil end
    if chosen[n] ~= 0 then
      if codes[n] == left_out then return nil end
      local from, to = places[at + 2 * first - 1], places[at + 2 * first]
      copy(answer + place, p + start, from - start)
      place = write_taken(p, from, place + from - start, first_wanted)
      if place < 0 then return nil end
      from = places[at + 2 * second - 1]
      copy(answer + place, p + to, from - to)
      place = write_taken(p, from, place + from - to, second_wanted)
      if place < 0 then return nil end
      to = places[at + 2 * second]
      copy(answer + place, p + to, ending - to)
      place = place + ending - to
    end
    start = ending
  end
  return text_of(answer, place)
end

return scan, field, splice
