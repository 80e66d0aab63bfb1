"""Sends SYNs through a raw socket, as a scanner that somebody wrote himself does: address, first and last port."""
import socket
import struct
import sys
import time

target, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect((target, 9))
own = probe.getsockname()[0]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


for port in range(first, last + 1):
    head = struct.pack("!HHIIBBHHH", 40000 + port % 20000, port, port, 0, 5 << 4, 2, 1024, 0, 0)
    pseudo = socket.inet_aton(own) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(head))
    head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    sender.sendto(head, (target, 0))
    if port % 50 == 0:
        time.sleep(0.05)
