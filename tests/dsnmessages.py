"""Delivery status notifications as tests need them, and as mailers of the world write them."""

from __future__ import annotations

_TOP = b"""\
From: MAILER-DAEMON@mx.example.org
To: news@shop.example
Subject: Undelivered mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="edge"

--edge
Content-Type: text/plain

Your message did not arrive.

--edge
"""
_ORIGINAL = b"""
--edge
Content-Type: message/rfc822

From: news@shop.example
Subject: Offers

Buy.
"""
MTA = b"Reporting-MTA: dns; mx.example.org"
FAILED = b"Final-Recipient: rfc822;anna@example.org\nAction: failed\nStatus: 5.1.1"


def dsn(
    *blocks: bytes,
    kind: bytes = b"message/delivery-status",
    headers: bytes = b"",
    rest: bytes = _ORIGINAL,
) -> bytes:
    """A report whose status part has the blocks of fields, with CRLF line ends."""
    part = b"Content-Type: " + kind + b"\n" + headers + b"\n" + b"\n\n".join(blocks) + b"\n"
    return (_TOP + part + rest + b"\n--edge--\n").replace(b"\n", b"\r\n")


def failed(*fields: bytes) -> bytes:
    """A report about one recipient who failed, with more fields about this one."""
    return dsn(MTA, b"\n".join((FAILED, *fields)))


# Postfix: fields of its own, a comment behind the date, headers only, LF line ends.
POSTFIX = b"""\
Return-Path: <>
From: MAILER-DAEMON@relay.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces+77@shop.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4Q1vWk2Lz9zJ.1678065214/relay.example.net"
Content-Transfer-Encoding: 8bit
Message-Id: <20230306011334.4Q1vX22Lz9@relay.example.net>

This is a MIME-encapsulated message.

--4Q1vWk2Lz9zJ.1678065214/relay.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.net.

<paul@example.org>: host mx.example.org[192.0.2.25] said: 550 5.1.1
    <paul@example.org>: no such user (in reply to RCPT TO command)

--4Q1vWk2Lz9zJ.1678065214/relay.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.net
X-Postfix-Queue-ID: 4Q1vWk2Lz9zJ
X-Postfix-Sender: rfc822; bounces+77@shop.example
Arrival-Date: Mon,  6 Mar 2023 02:13:30 +0100 (CET)

Final-Recipient: rfc822; paul@example.org
Original-Recipient: rfc822;Paul@Example.ORG
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <paul@example.org>: no such user

--4Q1vWk2Lz9zJ.1678065214/relay.example.net
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 8bit

Return-Path: <bounces+77@shop.example>
From: news@shop.example
To: paul@example.org
Subject: Offers

--4Q1vWk2Lz9zJ.1678065214/relay.example.net--
"""

# Exchange Online: no space after the types, fields of its own, no Original-Recipient.
EXCHANGE = b"""\
From: <postmaster@tenant.example>
To: <news@shop.example>
Date: Tue, 7 Mar 2023 10:00:05 +0000
Content-Type: multipart/report; report-type=delivery-status;
	boundary="9f2b17c4-0d11"
Content-Language: en-US
Subject: Undeliverable: Offers

--9f2b17c4-0d11
Content-Type: multipart/alternative; differences=Content-Type;
	boundary="inner"

--inner
Content-Type: text/plain; charset="us-ascii"

Your message to lea@tenant.example couldn't be delivered.

--inner
Content-Type: text/html; charset="us-ascii"

<p>Your message couldn't be delivered.</p>

--inner--

--9f2b17c4-0d11
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB0001.eurprd01.prod.example
Received-From-MTA: dns;EUR01-DB5.outbound.example
Arrival-Date: Tue, 7 Mar 2023 10:00:04 +0000

Final-Recipient: rfc822;lea@tenant.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient
 lea@tenant.example not found by SMTP address lookup
X-Display-Name: Lea

--9f2b17c4-0d11
Content-Type: message/rfc822

From: news@shop.example
Subject: Offers

Buy.

--9f2b17c4-0d11--
""".replace(b"\n", b"\r\n")

# Exim: the action comes first, one part only about the message, the whole message returned.
EXIM = b"""\
X-Failed-Recipients: omar@example.com
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@exim.example>
To: news@shop.example
Content-Type: multipart/report; report-type=delivery-status; boundary=1678065214-eximdsn-1
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1678065214-eximdsn-1
Content-type: text/plain; charset=us-ascii

A message that you sent could not be delivered.

--1678065214-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; exim.example

Action: failed
Final-Recipient: rfc822;omar@example.com
Status: 5.0.0
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550-Mailbox is gone
 550 see https://example.com/gone

--1678065214-eximdsn-1
Content-type: message/rfc822

Return-path: <news@shop.example>
Subject: Offers

Buy.

--1678065214-eximdsn-1--
"""

# Gmail: the diagnostic over several lines, a date without a day name's fault, a related part first.
GMAIL = b"""\
From: Mail Delivery Subsystem <mailer-daemon@provider.example>
To: news@shop.example
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Delay)
Content-Type: multipart/report; boundary="0000000000003a5c9005f63f1b2c"; report-type=delivery-status

--0000000000003a5c9005f63f1b2c
Content-Type: multipart/related; boundary="0000000000003a6a1d05f63f1b2d"

--0000000000003a6a1d05f63f1b2d
Content-Type: text/plain; charset="UTF-8"

** Delivery incomplete **

--0000000000003a6a1d05f63f1b2d--
--0000000000003a5c9005f63f1b2c
Content-Type: message/delivery-status

Reporting-MTA: dns; provider.example
Received-From-MTA: dns; news@shop.example
Arrival-Date: Mon, 06 Mar 2023 17:13:34 -0800 (PST)
X-Original-Message-ID: <offers-77@shop.example>

Final-Recipient: rfc822; kim@example.net
Action: delayed
Status: 4.4.1
Remote-MTA: dns; mx.example.net. (203.0.113.9, the server for the domain
 example.net.)
Diagnostic-Code: smtp; The recipient server did not accept our requests to connect.
 [mx.example.net. 203.0.113.9: timed out]
Last-Attempt-Date: Mon, 06 Mar 2023 17:40:00 -0800 (PST)
Will-Retry-Until: Thu, 09 Mar 2023 17:13:34 -0800 (PST)

--0000000000003a5c9005f63f1b2c
Content-Type: message/rfc822

Subject: Offers

--0000000000003a5c9005f63f1b2c--
"""

# Amazon SES: base64 nowhere, but a MAIL FROM of its own and a Final-Recipient in lower case type.
SES = b"""\
From: MAILER-DAEMON@region.ses.example
To: 0100018-000000@bounces.shop.example
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; report-type=delivery-status;
 boundary="----=_Part_18_301.1678065214"

------=_Part_18_301.1678065214
Content-Type: text/plain; charset=us-ascii

An error occurred while trying to deliver the mail.

------=_Part_18_301.1678065214
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Reporting-MTA: dns; a8-31.smtp-out.ses.example

Action: failed
Final-Recipient: rfc822; rita@example.com
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full
Status: 5.2.2
Last-Attempt-Date: Mon, 6 Mar 2023 01:20:00 GMT

------=_Part_18_301.1678065214
Content-Type: message/rfc822

Subject: Offers

------=_Part_18_301.1678065214--
"""

# qmail: a notice for people only.
QMAIL = b"""\
From: MAILER-DAEMON@qmail.example
To: news@shop.example
Subject: failure notice

Hi. This is the qmail-send program at qmail.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<zoe@example.org>:
192.0.2.25 does not like recipient.
Remote host said: 550 5.1.1 no mailbox here by that name

--- Below this line is a copy of the message.

Subject: Offers
"""
