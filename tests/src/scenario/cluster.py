"""Has lost all nodes of its cluster, which stood behind one address, and tries them without a pause worth the name."""
import socket
import time

end = time.monotonic() + 15
while time.monotonic() < end:
    for port in range(7000, 7020):
        node = socket.socket()
        node.settimeout(0.5)
        try:
            node.connect(("198.51.100.20", port))
        except OSError:
            pass
        finally:
            node.close()
    time.sleep(0.15)
time.sleep(3)
