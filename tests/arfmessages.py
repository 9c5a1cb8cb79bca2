"""Feedback reports as tests need them, and as mailbox providers of the world write them."""

from __future__ import annotations

import base64
import json
from typing import Any

FIELDS = (b"Feedback-Type: abuse", b"User-Agent: SomeGenerator/1.0", b"Version: 1")
ORIGINAL = b"From: <somesender@example.net>\nSubject: Earn money\n\nSpam spam spam.\n"


def report(
    *parts: bytes, kind: bytes = b'multipart/report; report-type="feedback-report"'
) -> bytes:
    """A message of parts, each with its headers, with CRLF line ends."""
    top = b"From: abuse@example.com\nMIME-Version: 1.0\nContent-Type: " + kind
    body = b"".join(b"--edge\n" + part + b"\n" for part in parts)
    return (top + b'; boundary="edge"\n\n' + body + b"--edge--\n").replace(b"\n", b"\r\n")


def part(kind: bytes, body: bytes) -> bytes:
    return b"Content-Type: " + kind + b"\n\n" + body


def arf(*fields: bytes, original: bytes | None = ORIGINAL) -> bytes:
    """A report with the fields that must be there and more of them."""
    parts = [
        part(b"text/plain", b"This is a complaint.\n"),
        part(b"message/feedback-report", b"\n".join((*FIELDS, *fields)) + b"\n"),
    ]
    if original is not None:
        parts.append(part(b"message/rfc822", original))
    return report(*parts)


def trace(value: dict[str, Any], *, marked: bool = True) -> bytes:
    """The base64 text of a supplemental trace."""
    mark = {"_@_": "\\_/"} if marked else {}
    return base64.b64encode(json.dumps({**mark, **value}).encode())


# Only what RFC 5965 section 3.1 asks for; the message it is about has folded headers.
MINIMAL = b"""\
From: <abusedesk@example.com>
Date: Thu, 8 Mar 2005 17:40:36 EDT
Subject: FW: Earn money
To: <abuse@example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for a message received from IP
192.0.2.1 on Thu, 8 Mar 2005 14:00:00 EDT.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

Received: from mailserver.example.net
     (mailserver.example.net [192.0.2.1])
     by example.com with ESMTP id M63d4137594e46;
     Tue, 08 Mar 2005 14:00:00 -0400
From: <somesender@example.net>
Subject: Earn money

Spam Spam Spam
--part1_13d.2e68ed54_boundary--
"""

# Every field, some of them folded or repeated, one that no RFC knows, and a folded trace.
FULL = b"""\
From: <abusedesk@example.com>
Subject: FW: Earn money
To: <abuse@example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=border

--border
Content-Type: text/plain

A user complained.

--border
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <somesender@example.net>
Original-Rcpt-To: <user@example.com>
Original-Envelope-Id: QQ314159
Arrival-Date: Tue, 8 Mar 2005 14:00:00 EDT
Reporting-MTA: dns; mail.example.com
Source-IP: 192.0.2.1
Incidents: 3
Authentication-Results: mail.example.com;
               spf=fail smtp.mail=somesender@example.com
Reported-Domain: example.net
Reported-Uri: http://example.net/earn_money.html
Reported-Uri: mailto:user@example.com
Removal-Recipient: user@example.com

--border
Content-Type: message/rfc822

From: <somesender@example.net>
X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50Ij
\toidGVzdEBleGFtcGxlLmNvbSJ9
To: <Undisclosed Recipients>

Spam Spam Spam
--border--
"""

# A provider that writes its own version, no Arrival-Date, and encodes the part in name only.
PROVIDER = b"""\
From: staff@provider.example
Subject: complaint about message from 192.0.2.9
MIME-Version: 1.0
Content-Type: multipart/report; boundary="boundary-1138-29572-2659438-9785";
\tReport-Type=feedback-report

--boundary-1138-29572-2659438-9785
Content-Type: text/plain; charset="US-ASCII"

Someone pressed the button.

--boundary-1138-29572-2659438-9785
Content-Disposition: inline
Content-Transfer-Encoding: base64
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider FBL/0.1
Version: 0.1
Original-Mail-From: bounces+4242@shop.example
Received-Date: Fri, 10 Mar 2023 09:30:00 +0230
Source-IP: 192.0.2.9
Reported-Domain: shop.example

--boundary-1138-29572-2659438-9785
Content-Type: text/rfc822-headers

From: news@shop.example
X-Job: 42
--boundary-1138-29572-2659438-9785--
"""

# Fields in no order, no brackets, an address that is none, and fields of its own.
UNORDERED = b"""\
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Zebra-Id: 17
Version: 1
Source-IP: hidden
User-Agent: loop
Abuse-Score: 9.5
Original-Rcpt-To: anna@provider.example
Feedback-Type: not-spam
Abuse-Score: 3
Original-Mail-From: news@shop.example
Mailbox-Country: AT
--b--
"""
