"""The victim's web server: serves one directory on port 80, and asks no resolver for its own name."""
import functools
import http.server
import socketserver
import sys


class Server(http.server.ThreadingHTTPServer):
    server_bind = socketserver.TCPServer.server_bind


handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
Server(("0.0.0.0", 80), handler).serve_forever()
