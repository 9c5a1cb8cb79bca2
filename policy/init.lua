-- The logging policy to start from: one logger, everything in it, a new segment every five minutes.
--
-- Copy it, or put its `init` handler into your own init.lua. KumoMTA runs it as it is.

local kumo = require 'kumo'

kumo.on('init', function()
  kumo.configure_local_logs {
    -- Segments are created here, named YYYYMMDD-HHMMSS (UTC). A read-only one is complete.
    log_dir = '/var/log/kumomta',

    -- A segment ends when it is this old or this big (bytes before compression), whichever comes
    -- first. Short segments reach their readers sooner, long ones compress better.
    max_segment_duration = '5 minutes',
    max_file_size = 250000000, -- an integer: KumoMTA refuses 250e6

    -- What each record carries of the message, beside the fields that it always has.
    meta = { 'tenant', 'campaign' },
    headers = { 'Subject' },
  }
end)
