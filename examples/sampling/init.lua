-- One delivery in three, and every bounce. The sample follows from the message's id, so all nodes and
-- all runs choose the same messages.

local kumo = require 'kumo'

kumo.on('one_in_three', function(msg)
  -- The first digits of an id are the ones that change with every message.
  return tonumber(msg:id():sub(1, 8), 16) % 3 == 0
end)

kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/deliveries',
    filter_event = 'one_in_three',
    per_record = { Delivery = {}, Any = { enable = false } },
  }
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/bounces',
    per_record = { Bounce = {}, Any = { enable = false } },
  }
end)
