-- What a spec prints goes where Python prints, so that it comes out with its test.

local guard, sandbox, _, host, show = ...

local concat, error, format, pack, tostring, type = table.concat, error, string.format, table.pack, tostring, type
local env = sandbox.env

local write_out, output, stdout = guard.bridge(host.write), env.io.output, env.io.stdout
local write_file = env.io.write

function env.print(...)
  local texts = pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  write_out(concat(texts, '\t', 1, texts.n) .. '\n')
end

function env.io.write(...)
  if output() ~= stdout then return write_file(...) end
  local texts = pack(...)
  for i = 1, texts.n do
    if type(texts[i]) ~= 'string' and type(texts[i]) ~= 'number' then
      error(format('bad argument #%d to io.write: expected a string or a number, got %s', i, show.short(texts[i])), 2)
    end
  end
  write_out(concat(texts, '', 1, texts.n))
  return stdout
end
