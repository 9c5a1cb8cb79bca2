-- Every record as JSON, and failed deliveries once more as CSV for a spreadsheet or a database.
--
-- Loggers are independent of each other: each one sees every record.

local kumo = require 'kumo'

-- The kinds that share a directory and a suffix share a file, so one table serves them all.
local CSV = {
  suffix = '.csv',
  -- Written at the start of every segment, as it is: the line end has to be in it.
  segment_header = 'time,kind,recipient,code,status,class,reply\n',
  -- MiniJinja; the variables are the fields of the record. `quoted` doubles the quotes inside.
  template = [[
{%- macro quoted(text) -%}"{{ text | replace('"', '""') }}"{%- endmacro -%}
{%- set status = response.enhanced_code -%}
{{ timestamp | datetimeformat(format='iso') }},{{ type }},{{ quoted(recipient) }},
{{- response.code }},
{%- if status %}{{ status.class }}.{{ status.subject }}.{{ status.detail }}{% endif %},
{{- bounce_classification }},{{ quoted(response.content) }}
]],
}

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    max_segment_duration = '5 minutes',
  }

  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/bounces',
    max_segment_duration = '1 hour',
    per_record = {
      Bounce = CSV,
      AdminBounce = CSV,
      Expiration = CSV,
      OOB = CSV,
      -- Whatever is not listed above.
      Any = { enable = false },
    },
  }
end)
