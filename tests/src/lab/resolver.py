"""The resolver of the lab's VPC: answers for three names, and that no other exists."""
import socket
import threading

NAMES = {
    b"mirror.example.net": "198.51.100.20",
    b"victim.example.net": "198.51.100.20",
    b"ip-10-0-1-10.ec2.internal": "10.0.1.10",
}
A, IN, NXDOMAIN = 1, 1, 3


def question(message):
    """The asked name, its type, and where the question ends; refuses compressed or cut names."""
    labels, at = [], 12
    while message[at]:
        if message[at] > 63:
            raise ValueError("compressed question")
        labels.append(message[at + 1 : at + 1 + message[at]])
        at += 1 + message[at]
    return b".".join(labels).lower(), int.from_bytes(message[at + 1 : at + 3], "big"), at + 5


def answer(message):
    name, kind, end = question(message)
    address = NAMES.get(name)
    found = address is not None and kind == A
    code = 0 if address is not None else NXDOMAIN
    flags = (0x8180 | code).to_bytes(2, "big")
    head = message[:2] + flags + b"\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
    body = message[12:end]
    if found:
        body += b"\xc0\x0c" + A.to_bytes(2, "big") + IN.to_bytes(2, "big") + (60).to_bytes(4, "big")
        body += b"\0\4" + socket.inet_aton(address)
    return head + body


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ValueError("cut off")
        data += more
    return data


def serve_connections(listener):
    """One message a connection, each behind its length."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                message = read_exactly(connection, int.from_bytes(read_exactly(connection, 2), "big"))
                reply = answer(message)
                connection.sendall(len(reply).to_bytes(2, "big") + reply)
            except (IndexError, ValueError, OSError):
                continue


def main():
    connections = socket.create_server(("10.0.0.2", 53))
    threading.Thread(target=serve_connections, args=(connections,), daemon=True).start()
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("10.0.0.2", 53))
    print("ready", flush=True)
    while True:
        message, sender = listener.recvfrom(4096)
        try:
            listener.sendto(answer(message), sender)
        except (IndexError, ValueError):
            continue


main()
