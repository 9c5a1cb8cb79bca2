-- What init.lua promises. Run it with: kumolog test

local kumolog = require 'kumolog'

describe('init.lua', function()
  local policy
  before_each(function() policy = kumolog.load('init.lua', { at = '2026-03-02T09:00:00Z' }) end)

  it('logs every kind of record in one place', function()
    for _, kind in ipairs { 'Reception', 'Delivery', 'Bounce', 'TransientFailure', 'Rejection', 'OOB', 'XferOut' } do
      policy:log { type = kind, recipient = 'ada@inbox.example' }
    end
    assert.equal(7, #policy:logged '/var/log/kumomta')
  end)

  it('keeps tenant, campaign and subject, and no other meta or header', function()
    policy:log {
      type = 'Reception',
      meta = { tenant = 'bakery', campaign = 'spring', secret = 'x' },
      headers = { Subject = 'Fresh bread', ['X-Other'] = 'y' },
    }
    local record = policy:logged()[1]
    assert.same({ tenant = 'bakery', campaign = 'spring' }, record.meta)
    assert.same({ subject = 'Fresh bread' }, record.headers)
  end)

  it('begins a new segment after five minutes', function()
    policy:log { type = 'Delivery' }
    policy:advance '299s'
    policy:log { type = 'Delivery' }
    policy:advance '1s'
    policy:log { type = 'Delivery' }
    local names = {}
    for i, segment in ipairs(policy:segments()) do names[i] = segment.name end
    assert.same({ '20260302-090000', '20260302-090500' }, names)
  end)
end)
