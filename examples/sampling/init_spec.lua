-- A spec beside the policy; run it with: kumolog test examples/sampling

local kumolog = require 'kumolog'

describe('sampling', function()
  local policy
  before_each(function() policy = kumolog.load 'init.lua' end)

  it.each {
    { id = '00000003161611f19a4c02005e100001', outcome = 'written' },
    { id = '00000004161611f19a4c02005e100001', outcome = 'filtered' },
  } ('decides about a delivery by its id: $outcome', function(case)
    local decisions = policy:log { type = 'Delivery', id = case.id }
    assert.equal(case.outcome, decisions[1].outcome)
  end)

  it('keeps every bounce', function()
    for _ = 1, 9 do policy:log { type = 'Bounce' } end
    assert.equal(9, #policy:logged '/var/log/kumomta/bounces')
  end)
end)
