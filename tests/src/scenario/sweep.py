"""Tries sixty ports by connecting, as a scanner that somebody wrote himself does."""
import socket

for port in range(1, 61):
    probe = socket.socket()
    probe.settimeout(0.5)
    try:
        probe.connect(("198.51.100.20", port))
    except OSError:
        pass
    finally:
        probe.close()
