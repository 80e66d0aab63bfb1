# A mail server on the victim that takes everything.
exec python3 -u -c '
import socketserver

class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write(text + b"\r\n")
        say(b"220 victim.example.net")
        for line in self.rfile:
            word = line.strip().upper()
            if word == b"DATA":
                say(b"354 go on")
                while (line := self.rfile.readline()) and line.strip() != b".":
                    pass
            say(b"221 bye" if word == b"QUIT" else b"250 ok")
            if word == b"QUIT":
                return

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

server = Server(("0.0.0.0", 25), Mail)
print("ready", flush=True)
server.serve_forever()'
