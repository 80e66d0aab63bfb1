"""Three weeks of an authentication log: alice logs in at office hours, from one address, with her key."""
import datetime

now = datetime.datetime.now(datetime.timezone.utc)
for days in range(21, 0, -1):
    day = (now - datetime.timedelta(days=days)).replace(microsecond=0)
    if days % 7 in (1, 2):
        continue
    for hour in (6, 11):
        # Office hours, seen from the hour that the run is told for.
        time = (day + datetime.timedelta(hours=hour)).isoformat()
        print(
            f"{time} ip-10-0-1-10 sshd[{2000 + days * 10 + hour}]: Accepted publickey for alice from 203.0.113.7 "
            f"port {50000 + days * 10 + hour} ssh2: ED25519 SHA256:h3lPf0rT3st1ngK3yF1ngerpr1nt0123456789abcd"
        )
