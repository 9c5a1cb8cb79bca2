-- One logger per tenant. The tenant of these events is only in their queue names; a message gives it
-- as meta value all the same.

local kumo = require 'kumo'

local loggers = {}
local wanted = {}

function loggers.directory_for(tenant, per_record)
  local filter = 'log_' .. tenant
  kumo.on(filter, function(msg)
    return msg:get_meta 'tenant' == tenant
  end)
  table.insert(wanted, {
    log_dir = '/var/log/kumomta/' .. tenant,
    filter_event = filter,
    meta = { 'tenant', 'campaign' },
    per_record = per_record,
  })
end

function loggers.configure()
  for _, parameters in ipairs(wanted) do
    kumo.configure_local_logs(parameters)
  end
end

return loggers
