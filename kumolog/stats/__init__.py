"""Counts, rates and latencies of log records, in one pass and bounded memory.

A record's type says what became of its message: ``Delivery`` delivered it; ``Bounce``,
``Expiration`` and ``AdminBounce`` bounced it, that is, ended it undelivered; ``TransientFailure``
is an attempt after which it stays in the queue. Other types say none of these: an ``OOB`` or
``Feedback`` record comes after a Delivery that was counted.
"""
