-- What bounces_csv.lua promises. Run it with: kumolog test

local kumolog = require 'kumolog'

local ALL, BOUNCES = '/var/log/kumomta', '/var/log/kumomta/bounces'

describe('bounces_csv.lua', function()
  local policy
  before_each(function() policy = kumolog.load('bounces_csv.lua', { at = '2026-03-02T09:01:05Z' }) end)

  local function bounce(reply)
    return {
      type = 'Bounce',
      recipient = 'bob@post.example',
      bounce_classification = 'InvalidRecipient',
      response = { code = 550, enhanced_code = { class = 5, subject = 1, detail = 1 }, content = reply },
    }
  end

  it('writes bounces as CSV, under a header', function()
    policy:log(bounce 'no mailbox "bob" here')
    policy:log { type = 'Expiration', recipient = 'eve@post.example', response = { code = 551, content = 'too old' } }
    assert.matches_golden('bounces.csv', policy:segments()[2].lines)
  end)

  it.each { 'Bounce', 'AdminBounce', 'Expiration', 'OOB' } ('has %s in both places', function(kind)
    policy:log { type = kind, recipient = 'bob@post.example' }
    assert.equal(1, #policy:logged(ALL))
    assert.equal(1, #policy:logged(BOUNCES, '.csv'))
  end)

  it.each { 'Reception', 'Delivery', 'TransientFailure', 'Rejection' } ('has %s in the whole log only', function(kind)
    policy:log { type = kind, recipient = 'bob@post.example' }
    assert.equal(1, #policy:logged(ALL))
    assert.same({}, policy:logged(BOUNCES))
  end)
end)
