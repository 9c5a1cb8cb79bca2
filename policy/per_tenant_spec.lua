-- What per_tenant.lua promises. Run it with: kumolog test

local kumolog = require 'kumolog'

describe('per_tenant.lua', function()
  local policy
  before_each(function() policy = kumolog.load 'per_tenant.lua' end)

  -- The directories, below that of all tenants, in which an event is logged.
  local function where(event)
    local found = {}
    for _, decision in ipairs(policy:log(event)) do
      if decision.outcome == 'written' then found[#found + 1] = decision.log_dir:match '[^/]+$' end
    end
    return found
  end

  it.each { 'bakery', 'harbour', 'library' } ('keeps the records of %s in a directory of its own', function(tenant)
    assert.same({ tenant }, where { type = 'Delivery', meta = { tenant = tenant } })
  end)

  it('finds the tenant in the name of the queue', function()
    assert.same({ 'harbour' }, where { type = 'Bounce', queue = 'spring:harbour@inbox.example' })
  end)

  it.each {
    { name = 'without a tenant', event = { type = 'Delivery' } },
    { name = 'with a tenant that is not listed', event = { type = 'Delivery', meta = { tenant = 'circus' } } },
    { name = 'that rejects a command', event = { type = 'Rejection' } },
  } ('puts a record $name with the rest', function(case)
    assert.same({ '_other' }, where(case.event))
  end)
end)
