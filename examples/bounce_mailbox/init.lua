-- The mailbox that bounces come back to: one OOB record for each recipient that a report gives up.
--
--   kumolog run init.lua --from-mail mail
--
-- mail is an mbox. Its messages become Receptions; those that are delivery reports (RFC 3464) bring
-- OOB records besides, one for each recipient that failed: not for those that are only late.

local kumo = require 'kumo'

-- Bounces go to bounces+<campaign>@shop.example: so the report itself tells which campaign it is for,
-- however little it quotes of the message.
kumo.on('smtp_server_message_received', function(msg)
  local recipient = msg:recipient()
  local campaign = recipient and recipient.user:match '^bounces%+(.+)$'
  if campaign then
    msg:set_meta('bounced_campaign', campaign)
  end
  msg:import_x_headers { 'X-Failed-Recipients' }
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    meta = { 'bounced_campaign', 'x_failed_recipients' },
    per_record = {
      OOB = { suffix = '_bounces' },
      Any = { enable = false },
    },
  }

  -- Also the mail that brought no OOB record: late deliveries, automatic replies, reports that are
  -- made for people only.
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/mailbox',
    headers = { 'Subject' },
    per_record = {
      Reception = { template = '{{ sender or "<>" }} to {{ recipient }}: {{ headers.subject }}' },
      OOB = {
        template = '  {{ peer_address.name }} gave up {{ recipient }}: '
          .. "{{ (response.code ~ ' ' ~ response.content) | trim }}",
      },
      Any = { enable = false },
    },
  }
end)
