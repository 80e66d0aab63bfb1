"""What Amazon SES's SNS action publishes for a mail that it received.

The whole mail is inline, so SES refuses one above 150 KB; text that is not UTF-8 goes as Base64. A mail that its S3
action stored is not inline: the notification only points at it.
"""
import base64
import datetime
import email
import email.policy
import email.utils
import secrets
import string

# Where the server shows the mails that were sent.
SENT_PATH = "/lab/sent-mails"
SUBJECT = "Amazon SES Email Receipt Notification"
MAIL_MAX_BYTES = 150 * 1024
HEADERS_MAX_BYTES = 10 * 1024
IDENTIFIER = string.ascii_lowercase + string.digits


class Refused(Exception):
    """SES would bounce the mail."""


def headers(message):
    """Each header unfolded, up to SES's 10 KB, and whether some were left off."""
    rows, size = [], 0
    for name, value in message.raw_items():
        value = " ".join(str(value).split())
        size += len(name) + len(value)
        if size > HEADERS_MAX_BYTES:
            return rows, True
        rows.append({"name": name, "value": value})
    return rows, False


def common(message, rows):
    first = {row["name"].lower(): row["value"] for row in reversed(rows)}
    found = {
        "returnPath": first.get("return-path", "").strip("<>"),
        "from": [first.get("from", "")],
        "date": first.get("date"),
        "to": [first.get("to", "")],
        "messageId": first.get("message-id"),
        "subject": first.get("subject"),
    }
    return {name: value for name, value in found.items() if value}


def notification(mail, recipient, topic, stored=None):
    if not stored and len(mail) > MAIL_MAX_BYTES:
        raise Refused(f"a mail of {len(mail)} bytes does not fit an SNS notification")
    message = email.message_from_bytes(mail, policy=email.policy.compat32)
    rows, truncated = headers(message)
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    _, source = email.utils.parseaddr(str(message.get("Return-Path") or message.get("From") or ""))
    try:
        content, encoding = mail.decode("utf-8"), "UTF8"
    except UnicodeDecodeError:
        content, encoding = base64.b64encode(mail).decode("ascii"), "BASE64"
    note = {
        "notificationType": "Received",
        "mail": {
            "timestamp": at,
            "source": source,
            "messageId": "".join(secrets.choice(IDENTIFIER) for _ in range(40)),
            "destination": [recipient],
            "headersTruncated": truncated,
            "headers": rows,
            "commonHeaders": common(message, rows),
        },
        "receipt": {
            "timestamp": at,
            "processingTimeMillis": 412,
            "recipients": [recipient],
            "spamVerdict": {"status": "PASS"},
            "virusVerdict": {"status": "PASS"},
            "spfVerdict": {"status": "PASS"},
            "dkimVerdict": {"status": "PASS"},
            "dmarcVerdict": {"status": "PASS"},
            "action": {"type": "SNS", "topicArn": topic, "encoding": encoding},
        },
        "content": content,
    }
    if stored:
        del note["content"]
        note["receipt"]["action"] = {
            "type": "S3", "topicArn": topic, "bucketName": stored["bucket"], "objectKeyPrefix": "", "objectKey": stored["key"],
        }
    return note
