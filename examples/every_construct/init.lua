-- Everything that kumo.configure_local_logs takes, in one place. Not a policy to run: a page to look
-- things up in, with the proof of what each line does beside it (events.jsonl, expected/).

local kumo = require 'kumo'

-- A logger's filter_event names one of these. It gets the message, never the record, so it cannot
-- tell a Delivery from a Bounce: that is what per_record is for. 0 and '' count as true in Lua.
kumo.on('log_the_bakery', function(msg)
  -- What a handler sets is seen by this logger and by those after it.
  msg:set_meta('x_seen', true)
  return msg:get_meta 'tenant' == 'bakery'
end)

kumo.on('init', function()
  -- Logger 1: every key.
  kumo.configure_local_logs {
    -- Required. Made with its parents if need be; a relative path starts at the working directory.
    log_dir = '/var/log/kumomta',

    -- Bytes of records, before compression; the record that crosses the line is still in. An integer.
    max_file_size = 1000000000,

    -- Records that may wait for the writer; the sender waits when there are more.
    back_pressure = 128000,

    -- zstd: 1 (fast) to 21 (small), 0 for zstd's own choice (3).
    compression_level = 0,

    -- From the opening of the segment. nil: no limit.
    max_segment_duration = '1h 30m',

    -- Meta values by their exact name, or by their beginning (then nulls come along).
    meta = { 'tenant', 'x_*', 'not_there' },

    -- Headers by name in any case, or by their beginning. In the record the names are lower case.
    headers = { 'subject', 'X-Test-*' },

    -- Left out: everything is logged.
    filter_event = 'log_the_bakery',

    -- KumoMTA's own: less room on the disk than this is an emergency. A share, or bytes or inodes.
    min_free_space = '0%',
    min_free_inodes = 1,

    per_record = {
      -- Added to the segment's name as it is.
      Reception = { suffix = '_recv' },
      -- Kinds with the same directory and suffix share one file.
      Delivery = { suffix = '_sent' },
      Delayed = { suffix = '_sent' },
      -- A slash in the suffix makes a directory.
      TransientFailure = { suffix = '/transient.jsonl' },
      -- A directory of its own.
      Feedback = { log_dir = '/var/log/kumomta/feedback' },
      -- A template instead of JSON, and a first line for each segment.
      Bounce = {
        log_dir = '/var/log/kumomta/bounces',
        suffix = '.csv',
        segment_header = 'id,recipient,age,code,classification\n',
        template = '{{ id }},{{ recipient }},{{ timestamp - created }},{{ response.code }},'
          .. '{{ bounce_classification }}',
      },
      -- log_record is the whole record: here the usual JSON with something added in front.
      OOB = { suffix = '.oob', template = 'oob {{ log_record | tojson }}' },
      -- In templates, too, header names are lower case; any spelling finds them.
      Expiration = {
        suffix = '.txt',
        template = "{{ headers['x-test-group'] }} {{ headers.subject | upper }}"
          .. '{% for name, value in meta | dictsort %} {{ name }}={{ value }}{% endfor %}',
      },
      -- A template can span lines: this record has two of them.
      AdminBounce = {
        suffix = '.txt',
        template = [[
{% if response.content is startingwith('Administrator') -%}
by hand: {{ recipient }}
  why: {{ response.content }}
{%- endif %}
]],
      },
      -- Not logged at all.
      Rejection = { enable = false },
      AdminRebind = { suffix = '_moved', enable = true },
      DeferredInjectionRebind = { suffix = '_moved' },
      XferOut = { suffix = '_xfer' },
      -- XferIn is not listed, so Any is for it. Of Any, nothing applies to a kind that is listed.
      Any = {
        suffix = '_rest',
        segment_header = '# everything else\n',
        template = '{{ type }} {{ id }}',
      },
    },
  }

  -- Logger 2: a short one; everything that is left out has its default. '*' takes all there is.
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/full',
    max_segment_duration = 90, -- seconds; with a unit it would be a string: '90s', '1min 30s'
    compression_level = 1,
    meta = { '*' },
    headers = { '*' },
    per_record = {
      Bounce = {},
      OOB = {},
      -- Only what is listed above.
      Any = { enable = false },
    },
  }

  -- Logger 3: a directory may be another logger's, too; the segments stay apart.
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta/full',
    max_segment_duration = '5 minutes',
    compression_level = 9,
    per_record = {
      Rejection = { suffix = '_rejected' },
      Any = { enable = false },
    },
  }
end)
