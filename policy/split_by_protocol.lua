-- Two loggers, told apart by how the message came in: over SMTP or over HTTP.
--
-- A logger asks its filter_event about each record; what the handler returns decides. Mail that came
-- in another way, such as what log hooks make, is in neither.

local kumo = require 'kumo'

local function came_in_by(protocol)
  return function(msg)
    return msg:get_meta 'reception_protocol' == protocol
  end
end

kumo.on('log_smtp_mail', came_in_by 'ESMTP')
kumo.on('log_http_mail', came_in_by 'HTTP')

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/smtp',
    max_segment_duration = '5 minutes',
    filter_event = 'log_smtp_mail',
  }

  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/http',
    max_segment_duration = '5 minutes',
    filter_event = 'log_http_mail',
    per_record = {
      -- A rejected SMTP command has no message, so no filter is asked about it: without this line
      -- every Rejection would be in both directories.
      Rejection = { enable = false },
    },
  }
end)
