-- Small segments: each one is closed by the record that takes it to the limit, and each new one begins
-- with the header line.

local kumo = require 'kumo'

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    max_file_size = 60, -- bytes before compression; the header line does not count
    per_record = {
      Any = {
        suffix = '.csv',
        segment_header = 'recipient,code\n',
        template = '{{ recipient }},{{ response.code }}',
      },
    },
  }
end)
