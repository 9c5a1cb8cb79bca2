-- A first policy: mail that came in over SMTP, and a line of plain text for what was rejected.

local kumo = require 'kumo'

-- Asked about every record of a message: true logs it, false and nil do not.
kumo.on('only_smtp', function(msg)
  return msg:get_meta 'reception_protocol' == 'ESMTP'
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = 'logs',
    filter_event = 'only_smtp',
    headers = { 'Subject' },
    per_record = {
      Rejection = {
        suffix = '.txt',
        template = '{{ sender }} from {{ peer_address.addr }}: {{ response.content }}',
      },
    },
  }
end)
