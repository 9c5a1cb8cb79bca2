local kumolog = require 'kumolog'

describe('per_tenant.lua', function()
  local policy
  before_each(function() policy = kumolog.load 'per_tenant.lua' end)

  local function where(event)
    local dirs = {}
    for _, decision in ipairs(policy:log(event)) do
      if decision.outcome == 'written' then dirs[#dirs + 1] = decision.log_dir:match '[^/]+$' end
    end
    return dirs
  end

  it.each { 'bakery', 'harbour', 'library' } ('keeps the mail of %s in a directory of its own', function(tenant)
    assert.same({ tenant }, where { type = 'Delivery', recipient = 'a@b.example', meta = { tenant = tenant } })
  end)
  it('fails', function()
    assert.same({ '_other' }, where { type = 'Delivery', recipient = 'a@b.example', meta = { tenant = 'bakery' } })
  end)
end)
