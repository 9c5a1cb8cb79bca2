-- Values that cross the border: array marks, and the objects that a policy gets from message methods.

local error, format, metatable_of, move, next, rawget, rawlen, setmetatable, tostring, type, unpack =
  error, string.format, debug.getmetatable, table.move, next, rawget, rawlen, setmetatable, tostring, type, table.unpack

-- An array from JSON is a plain sequence under this mark, so that an empty one stays an array.
local array_mark = { __metatable = false }

-- A sequence with holes has its length only in a table that was made for so many values at once.
local MOST_AT_ONCE = 100000
local function roomy(t, n) return n <= MOST_AT_ONCE and { unpack(t, 1, n) } or move(t, 1, n, 1, {}) end

-- length: given where the array has holes.
local function mark_array(t, length)
  if length then t = roomy(t, length) end
  return setmetatable(t, array_mark)
end

-- What KumoMTA gives out as userdata is a table here, known by its class.
local classes = {}

local function class(name, metatable)
  metatable.__name, metatable.__metatable = name, false
  metatable.__newindex = metatable.__newindex or function(_, key)
    error(format('%s takes no fields, so %s cannot be set', name, tostring(key)), 2)
  end
  classes[metatable] = true
  return metatable
end

local function is_object(t) return classes[metatable_of(t)] ~= nil end

-- An address keeps its fields under this key, out of the way of ipairs, and cannot be changed.
local FIELDS = {}
local function text_of(self) return rawget(self, FIELDS).text end

local function address_class(name, missing)
  local function index(self, key)
    local value = rawget(self, FIELDS)[key]
    if value == nil and missing then return missing(self, key) end
    return value
  end
  return class(name, { __index = index, __tostring = text_of })
end

local function no_field(what, fields)
  return function(_, key)
    if key ~= 'name' then error(format('%s has no field %q, only %s', what, tostring(key), fields), 3) end
  end
end

local EnvelopeAddress = address_class('EnvelopeAddress')
local HeaderAddress = address_class('HeaderAddress', no_field('a header address', 'user, domain, email, name'))
local AddressHeader = address_class('AddressHeader',
  no_field('an address header', 'user, domain, email, name, list'))
local AddressList = address_class('AddressHeader', function(self, key)
  error(format('%s of an address header needs exactly one plain address, this one is a list of %d: use its list',
    tostring(key), #self.list), 3)
end)

local function envelope_address(user, domain, email)
  return setmetatable({ [FIELDS] = { text = email, user = user, domain = domain, email = email } }, EnvelopeAddress)
end

local function header_address(text, user, domain, email, name)
  local fields = { text = text, user = user, domain = domain, email = email, name = name }
  return setmetatable({ [FIELDS] = fields }, HeaderAddress)
end

-- single: whether the header is one plain address, whose fields the header then shows as its own.
local function address_header(text, single, list)
  if not single then return setmetatable({ [FIELDS] = { text = text, list = list } }, AddressList) end
  local only = list[1]
  local fields = { text = text, list = list, user = only.user, domain = only.domain, email = only.email, name = only.name }
  return setmetatable({ [FIELDS] = fields }, AddressHeader)
end

-- A table from JSON that several readers share is copied for each.
local function copy(value)
  local is_array = metatable_of(value) == array_mark
  local fresh = is_array and roomy(value, rawlen(value)) or {}
  for k, v in next, value do fresh[k] = type(v) == 'table' and copy(v) or v end
  return is_array and mark_array(fresh) or fresh
end

-- What Python needs to know of a table, read without its metamethods: how many values, the length of its
-- sequence, whether it is marked as an array, whether it is an object; and its pairs, key and value by turns.
local function explode(t)
  local flat, n = {}, 0
  for k, v in next, t do
    flat[n + 1], flat[n + 2] = k, v
    n = n + 2
  end
  return n, rawlen(t), metatable_of(t) == array_mark, is_object(t), flat
end

local function slice(flat, from, to) return unpack(flat, from, to) end

return {
  address_header = address_header,
  class = class,
  copy = copy,
  envelope_address = envelope_address,
  explode = explode,
  header_address = header_address,
  is_object = is_object,
  mark_array = mark_array,
  slice = slice,
}
