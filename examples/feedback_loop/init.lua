-- A feedback loop's mailbox: who pressed the spam button, as log records and as a suppression list.
--
--   kumolog run init.lua --from-mail mail
--
-- mail/ is a Maildir. Its messages become Receptions, and those that are feedback reports Feedback.

local kumo = require 'kumo'

-- Runs for every message, before any logger hears of it.
kumo.on('smtp_server_message_received', function(msg)
  msg:import_x_headers { 'X-Feedback-Loop', 'X-Complaint-Id' }
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    meta = { 'x_*' },
    headers = { 'Subject' },
    per_record = {
      Feedback = { suffix = '_feedback' },
      -- What was no report: somebody may want to read it.
      Reception = { suffix = '_mail' },
      Any = { enable = false },
    },
  }

  -- Many providers leave out who complained. X-KumoRef, which KumoMTA can add to what it sends, is in
  -- the message that comes back: it still says who that was.
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/suppress',
    meta = { 'x_feedback_loop' },
    per_record = {
      Feedback = {
        suffix = '.csv',
        segment_header = 'recipient,kind,provider\n',
        template = [[
{%- set report = feedback_report -%}
{%- if report.supplemental_trace %}{{ report.supplemental_trace.recipient }}
{%- else %}{{ report.original_rcpto_to | join(' ') | replace('<', '') | replace('>', '') }}
{%- endif %},{{ report.feedback_type }},{{ meta.x_feedback_loop }}]],
      },
      Any = { enable = false },
    },
  }
end)
