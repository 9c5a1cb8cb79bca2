-- Events that bring the message itself: as text (`data`), or as bytes (`data_base64`) where it is not
-- UTF-8. Handlers and `headers` see what KumoMTA would have seen; the record carries no body.

local kumo = require 'kumo'

kumo.on('from_the_shop', function(msg)
  local from = msg:from_header()
  return from ~= nil and from.domain == 'shop.example'
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    filter_event = 'from_the_shop',
    headers = { 'Subject', 'Received', 'X-*' },
  }
end)
