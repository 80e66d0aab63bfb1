"""Looks for peers, as BitTorrent's distributed table does: many addresses, each at a port of its own."""
import os
import socket
import time

sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("0.0.0.0", 6881))
for peer in range(2, 122):
    query = b"d1:ad2:id20:" + os.urandom(20) + b"6:target20:" + os.urandom(20) + b"e1:q9:find_node1:t2:aa1:y1:qe"
    port = 20000 + peer * 373 % 40000
    try:
        sender.sendto(query, (f"198.51.100.{peer}", port))
    except OSError:
        pass
    time.sleep(0.01)
