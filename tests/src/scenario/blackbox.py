"""Probes its targets again and again, as monitoring does; all of them were switched off long ago."""
import socket
import time

TARGETS = [(f"198.51.100.{last}", port) for last in range(20, 244, 8) for port in (9100, 9115)]
for turn in range(12):
    for target in TARGETS:
        probe = socket.socket()
        probe.settimeout(0.5)
        try:
            probe.connect(target)
        except OSError:
            pass
        finally:
            probe.close()
    time.sleep(1.5)
time.sleep(3)
