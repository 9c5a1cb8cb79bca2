-- What fbl_and_bounces.lua promises. Run it with: kumolog test

local kumolog = require 'kumolog'

local DIR = '/var/log/kumomta'

local COMPLAINT = [[
From: <abuse@inbox.example>
To: <fbl@shop.example>
Subject: FW: Fresh bread
X-Complaint-Id: 1001
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is a complaint.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Inbox/1.0
Version: 1
Original-Rcpt-To: ada@inbox.example
--b
Content-Type: message/rfc822

From: news@shop.example
Subject: Fresh bread

Bread!
--b--
]]

local BOUNCE = [[
From: <MAILER-DAEMON@mx.post.example>
To: <bounces@shop.example>
Subject: Undelivered
X-Failed-Recipients: bob@post.example, eve@post.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.post.example

Final-Recipient: rfc822; bob@post.example
Action: failed
Status: 5.1.1

Final-Recipient: rfc822; eve@post.example
Action: failed
Status: 5.2.2

Final-Recipient: rfc822; joe@post.example
Action: delayed
Status: 4.2.2
--b--
]]

-- Mail as it comes in: lines end with CR LF.
local function mail(text) return { type = 'Reception', data = (text:gsub('\n', '\r\n')) } end

describe('fbl_and_bounces.lua', function()
  local policy
  before_each(function() policy = kumolog.load 'fbl_and_bounces.lua' end)

  it('keeps a complaint, and what is in the report, in a directory of its own', function()
    policy:log(mail(COMPLAINT))
    local records = policy:logged(DIR .. '/feedback')
    assert.equal(1, #records)
    assert.equal('abuse', records[1].feedback_report.feedback_type)
    assert.equal('1001', records[1].meta.x_complaint_id)
    assert.equal(1, #policy:logged())
  end)

  it('logs each recipient that a bounce failed for', function()
    policy:log(mail(BOUNCE))
    local recipients = {}
    for i, record in ipairs(policy:logged(DIR .. '/bounces')) do
      recipients[i] = record.recipient
      assert.equal('bob@post.example, eve@post.example', record.meta.x_failed_recipients)
    end
    assert.same({ 'bob@post.example', 'eve@post.example' }, recipients)
  end)

  it.each {
    { name = 'a bounce', text = BOUNCE, subject = 'Undelivered' },
    { name = 'other mail', text = 'Subject: Hello\n\nHello!\n', subject = 'Hello' },
  } ('logs the reception of $name', function(case)
    policy:log(mail(case.text))
    local records = policy:logged(DIR .. '/received')
    assert.equal(1, #records)
    assert.equal(case.subject, records[1].headers.subject)
  end)

  it('logs mail whose X- headers cannot be imported, and says so', function()
    policy:log { type = 'Reception', data_base64 = 'WC1CYWQ6IP8KCmJvZHkK' } -- X-Bad: and a byte that is no UTF-8
    assert.equal(1, #policy:logged(DIR .. '/received'))
    assert.matches('no X%- headers in meta', policy:diagnostics()[1].text)
  end)
end)
