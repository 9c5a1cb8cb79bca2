-- A policy in several files: `require` looks beside the policy, too.

local kumo = require 'kumo'
local loggers = require 'loggers'

loggers.directory_for('bakery')
loggers.directory_for('library', { Delivery = { enable = false } })

kumo.on('init', loggers.configure)
