-- Records for analysis that do not say who got the mail: the domain only.

local kumo = require 'kumo'

local TEMPLATE = [[
{%- set first = recipient if recipient is string else recipient[0] -%}
{%- set line = {
  'time': timestamp,
  'kind': type,
  'domain': first.split('@')[1] | lower,
  'code': response.code,
  'class': bounce_classification,
  'seconds': timestamp - created,
} -%}
{{ line | tojson }}
]]

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/analysis',
    per_record = {
      Delivery = { template = TEMPLATE },
      Bounce = { template = TEMPLATE },
      Any = { enable = false },
    },
  }
end)
