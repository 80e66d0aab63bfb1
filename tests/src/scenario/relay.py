"""A mail server that takes mail from anybody and delivers it: an open relay."""
import smtplib
import socketserver


class Relay(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write(text + b"\r\n")
        say(b"220 mail.example.com")
        recipients, text = [], []
        for line in self.rfile:
            word = line.strip()
            if word.upper().startswith(b"RCPT TO:"):
                recipients.append(word[8:].strip(b" <>").decode())
            if word.upper() == b"DATA":
                say(b"354 go on")
                for line in self.rfile:
                    if line.strip() == b".":
                        break
                    text.append(line.decode())
                with smtplib.SMTP("198.51.100.20", 25, local_hostname="mail.example.com", timeout=5) as next_one:
                    next_one.sendmail("news@example.com", recipients, "".join(text))
            if word.upper() == b"QUIT":
                say(b"221 bye")
                return
            say(b"250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


Server(("0.0.0.0", 25), Relay).serve_forever()
