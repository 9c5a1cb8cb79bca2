-- What split_by_protocol.lua promises. Run it with: kumolog test

local kumolog = require 'kumolog'

local SMTP, HTTP = '/var/log/kumomta/smtp', '/var/log/kumomta/http'

describe('split_by_protocol.lua', function()
  local policy
  before_each(function() policy = kumolog.load 'split_by_protocol.lua' end)

  it.each {
    { protocol = 'ESMTP', smtp = 1, http = 0 },
    { protocol = 'HTTP', smtp = 0, http = 1 },
    { protocol = 'LogRecord', smtp = 0, http = 0 },
  } ('logs what came in by $protocol where it belongs', function(case)
    policy:log { type = 'Delivery', reception_protocol = case.protocol }
    assert.equal(case.smtp, #policy:logged(SMTP))
    assert.equal(case.http, #policy:logged(HTTP))
  end)

  it('takes no record whose protocol is not known', function()
    policy:log { type = 'Bounce', recipient = 'bob@post.example' }
    assert.same({}, policy:logged())
  end)

  it('logs a rejection once, with SMTP, without asking a filter', function()
    local decisions = policy:log { type = 'Rejection', response = { code = 550, content = 'no' } }
    assert.same({ 'written', 'disabled' }, { decisions[1].outcome, decisions[2].outcome })
    assert.is_nil(decisions[1].handler)
    assert.equal(1, #policy:logged(SMTP))
  end)
end)
