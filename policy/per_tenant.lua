-- One directory for each tenant, and one for everybody else.
--
-- KumoMTA keeps the tenant of a message in the meta value `tenant`. There is one logger for each
-- name in the list, so each record costs one question per tenant: fine for dozens of them.

local kumo = require 'kumo'

local TENANTS = { 'bakery', 'harbour', 'library' }
local LOG_DIR = '/var/log/kumomta/tenants'

local is_listed = {}
for _, tenant in ipairs(TENANTS) do
  is_listed[tenant] = true
  kumo.on('log_tenant_' .. tenant, function(msg)
    return msg:get_meta 'tenant' == tenant
  end)
end

kumo.on('log_no_tenant', function(msg)
  local tenant = msg:get_meta 'tenant'
  return tenant == nil or not is_listed[tenant]
end)

kumo.on('init', function()
  for _, tenant in ipairs(TENANTS) do
    kumo.configure_local_logs {
      log_dir = LOG_DIR .. '/' .. tenant,
      max_segment_duration = '5 minutes',
      filter_event = 'log_tenant_' .. tenant,
      per_record = {
        -- A Rejection has no message and so no tenant: no filter is asked about it, every logger
        -- would take it. It belongs into one place only, the last logger.
        Rejection = { enable = false },
      },
    }
  end

  kumo.configure_local_logs {
    log_dir = LOG_DIR .. '/_other',
    max_segment_duration = '5 minutes',
    filter_event = 'log_no_tenant',
  }
end)
