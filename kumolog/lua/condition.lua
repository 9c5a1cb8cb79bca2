-- The expression of a condition, asked about many records at once.

local _, sandbox, _, _, expression, columns, record = ... -- columns and record: Lua text, see condition.py

local load, pcall, type, concat, format = load, pcall, type, table.concat, string.format

-- What is missing has no fields, and is no error; nor is looking for one in a number.
local nothing = { __index = function() end }
for _, kind in ipairs { 'nil', 0, true } do
  debug.setmetatable(kind ~= 'nil' and kind or nil, nothing)
end

-- On one line, so that the line numbers in messages are those of the expression.
local condition, problem = load('local record = ... return ' .. expression, '=--where', 't', sandbox.env)
if not condition then return nil, problem end

local PASSED, TURNED_DOWN, FAILED = '\1', '\0', '\2'
local problems

local run = load(format([[
  local PASSED, TURNED_DOWN = ...
  return function(answers, count, condition%s)
    for i = #answers + 1, count do answers[i] = condition(%s) and PASSED or TURNED_DOWN end
  end
]], columns, record), '=kumolog', 't')(PASSED, TURNED_DOWN)

local function text_of(what)
  return type(what) == 'string' and what or format('error object is a %s value', type(what))
end

-- Gives one character for each record.
local function ask(count, ...)
  local answers = {}
  problems = {}
  while #answers < count do
    local ok, why = pcall(run, answers, count, condition, ...)
    if not ok then answers[#answers + 1], problems[#problems + 1] = FAILED, text_of(why) end
  end
  return concat(answers)
end

-- For each record that failed, in order, why.
local function take_problems()
  local taken = problems
  problems = nil
  return taken
end

return ask, take_problems
