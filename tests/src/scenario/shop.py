"""A web application with a hole: it hands a parameter to a shell."""
import http.server
import os
import socketserver
import urllib.parse


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        said = os.popen("echo checking " + asked.get("host", [""])[0]).read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said.encode())


class Server(http.server.ThreadingHTTPServer):
    server_bind = socketserver.TCPServer.server_bind


Server(("0.0.0.0", 8080), Shop).serve_forever()
