-- A spec beside the policy; run it with: kumolog test examples/modules

local kumolog = require 'kumolog'

describe('a policy in several files', function()
  local policy
  before_each(function() policy = kumolog.load 'init.lua' end)

  it('logs the mail of a tenant in its directory', function()
    policy:log { type = 'Reception', meta = { tenant = 'bakery' } }
    assert.equal(1, #policy:logged '/var/log/kumomta/bakery')
    assert.equal(1, #policy:logged())
  end)

  it('leaves out the deliveries of the library', function()
    local decisions = policy:log { type = 'Delivery', queue = 'library@post.example' }
    assert.equal('disabled', decisions[2].outcome)
    assert.equal('Delivery', decisions[2].entry)
  end)
end)
