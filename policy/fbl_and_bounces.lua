-- For the mailboxes that feedback loops and bounces come back to: complaints in one directory, bounces
-- in another, and what else arrives in a third.
--
-- With kumolog, point it at such a mailbox: kumolog run fbl_and_bounces.lua --from-mail Maildir
-- It looks for reports in all mail. KumoMTA does so for the domains that a get_listener_domain handler
-- says it for, with log_arf and log_oob, and needs a listener for them beside this.

local kumo = require 'kumo'

local LOG_DIR = '/var/log/kumomta'

-- The meta of a report's records is that of the message it came in. Here its X- headers become meta:
-- X-Failed-Recipients is x_failed_recipients then.
kumo.on('smtp_server_message_received', function(msg)
  -- Such mailboxes get broken mail. Where its headers cannot be imported, it is logged without.
  local ok, problem = pcall(msg.import_x_headers, msg)
  if not ok then
    kumo.log_warn('no X- headers in meta:', problem)
  end
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = LOG_DIR .. '/received',
    max_segment_duration = '5 minutes',
    meta = { 'x_*' },
    headers = { 'Subject', 'From', 'Message-ID' },
    per_record = {
      -- A complaint. Everything that is in the report is in `feedback_report`.
      Feedback = { log_dir = LOG_DIR .. '/feedback' },
      -- A delivery that failed after another server had taken the message: one record for each
      -- recipient. The message that told of it is a Reception as well.
      OOB = { log_dir = LOG_DIR .. '/bounces' },
    },
  }
end)
