-- What cannot be logged is kept: broken lines, and records whose filter raised an error.

local kumo = require 'kumo'

kumo.on('good_score', function(msg)
  return msg:get_meta 'score' > 5 -- raises for a score that is text
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    filter_event = 'good_score',
  }
end)
