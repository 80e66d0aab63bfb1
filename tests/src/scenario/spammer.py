"""Hands mail for strangers to somebody else's relay."""
import smtplib

for number in range(35):
    with smtplib.SMTP(
        "192.0.2.10", 25, local_hostname="pc.example.org", timeout=5, source_address=("203.0.113.66", 0)
    ) as relay:
        relay.sendmail("news@example.com", [f"person{number}@example.net"], "Subject: offer\r\n\r\nbuy\r\n")
