"""Stand-ins for the outside services of the site: CAS, the photo service, the emplid API.

    standins.py ADDRESS PORT SECRETS.json

They are stricter than the real ones: another method, a missing header, an unknown or doubled parameter is refused. The
first part of a path says how the service behaves, so that a test chooses a fault by the address that it configures:
`/well/cas/login`, `/slow/emplid/global.json`. Nothing is remembered but the tokens that were given out.
"""

import base64
import hmac
import json
import secrets
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

# Longer than any check waits.
SLOW_S = 30
# As long as those of the photo service are good.
TOKEN_S = 60

FORM = b"""<!DOCTYPE html>
<html><head><title>Login</title></head><body>
<form id="fm1" method="post" action="login"><input name="username"><input type="password" name="password">
<input type="hidden" name="execution" value="e1s1"></form></body></html>
"""
HTML = b"<!DOCTYPE html>\n<html><body><h1>Something else</h1></body></html>\n"
# One grey pixel.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////"
    "////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8A"
    "Kp//2Q=="
)


class Refused(Exception):
    """What is wrong with a request: the status of the answer and a reason."""


class Handler(BaseHTTPRequestHandler):
    """One request; the services are methods named after their paths."""

    protocol_version = "HTTP/1.1"
    settings = {}
    tokens = {}

    def do_GET(self):
        self.serve("GET")

    def do_POST(self):
        self.serve("POST")

    def serve(self, method):
        try:
            url = urlsplit(self.path)
            if url.path == "/ready":
                return self.answer(200, b"", "text/plain")
            _, fault, service, *rest = url.path.split("/", 3)
            known = {"cas": self.cas, "photos": self.photos, "emplid": self.emplid}
            if service not in known:
                raise Refused(404, "no such service")
            self.require(self.headers.get("Host"), 400, "no Host")
            self.require(self.headers.get("User-Agent", "").startswith("coursys-ops/"), 400, "nobody says who asks")
            self.general(fault)
            if fault in ("error", "html", "moved", "drip"):
                return
            known[service](fault, method, "".join(rest), self.parameters(url.query))
        except Refused as refused:
            status, reason = refused.args
            self.answer(status, reason.encode(), "text/plain")
        except ValueError:
            self.answer(404, b"no such path", "text/plain")

    def general(self, fault):
        """What every service can do wrong."""
        if fault == "slow":
            time.sleep(SLOW_S)
        elif fault == "error":
            self.answer(503, HTML, "text/html")
        elif fault == "html":
            self.answer(200, HTML, "text/html")
        elif fault == "moved":
            self.answer(302, b"", "text/html", {"Location": "https://elsewhere.test/login?secret=1"})
        elif fault == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for byte in HTML:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)

    def cas(self, fault, method, path, query):
        self.require(method == "GET", 405, "GET only")
        if path == "login":
            self.require(not query, 400, "unexpected parameters")
            self.answer(200, HTML if fault == "noform" else FORM, "text/html;charset=UTF-8")
        elif path == "serviceValidate":
            self.require(set(query) == {"service", "ticket"}, 400, "expected service and ticket")
            self.require(query["ticket"].startswith("ST-"), 400, "that is no service ticket")
            self.answer(200, self.validation(fault, query["service"]), "application/xml;charset=UTF-8")
        else:
            raise Refused(404, "no such path")

    def validation(self, fault, service):
        if fault == "trusting":
            inner = "<cas:authenticationSuccess><cas:user>anybody</cas:user></cas:authenticationSuccess>"
        elif fault == "stranger" or service != self.settings["service"]:
            inner = '<cas:authenticationFailure code="INVALID_SERVICE">Service unauthorized</cas:authenticationFailure>'
        else:
            inner = '<cas:authenticationFailure code="INVALID_TICKET">Ticket not recognized</cas:authenticationFailure>'
        xmlns = "http://www.yale.edu/tp/cas"
        return f"<cas:serviceResponse xmlns:cas='{xmlns}'>\n    {inner}\n</cas:serviceResponse>\n".encode()

    def photos(self, fault, method, path, query):
        if path == "Account/Token":
            self.require(method == "POST", 405, "POST only")
            self.require(not query, 400, "unexpected parameters")
            kind = self.headers.get("Content-Type")
            self.require(kind == "application/x-www-form-urlencoded", 415, "expected a form")
            form = self.parameters(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode("ascii"))
            self.require(set(form) == {"AccountName", "Password"}, 400, "expected AccountName and Password")
            wanted = self.settings["photos"]
            good = form["AccountName"] == wanted["account"] and self.same(form["Password"], wanted["password"])
            # A real service may well repeat what it was told.
            self.require(good, 401, f"wrong password {form['Password']}")
            token = secrets.token_urlsafe()
            self.tokens[token] = time.monotonic() + TOKEN_S
            self.json({} if fault == "notoken" else {"ServiceToken": token})
        elif path.startswith("Values/"):
            self.require(method == "GET", 405, "GET only")
            self.require(query == {"includePhoto": "true"}, 400, "expected includePhoto")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            good = fault != "badtoken" and self.tokens.get(token, 0) > time.monotonic()
            self.require(good, 401, "no such token")
            number = path.removeprefix("Values/")
            self.require(number.isdigit(), 400, "expected a number")
            self.json([] if fault == "nophoto" else [self.person(fault, number)])
        else:
            raise Refused(404, "no such path")

    def person(self, fault, number):
        picture = {"nojpeg": base64.b64encode(HTML).decode(), "nobase64": "?!", "nopicture": None}
        return {"SfuId": f"{number} ", "PictureIdentification": picture.get(fault, base64.b64encode(JPEG).decode())}

    def emplid(self, fault, method, path, query):
        self.require(method == "GET", 405, "GET only")
        self.require(path == "global.json", 404, "no such path")
        self.require(set(query) == {"art", "username"}, 400, "expected art and username")
        self.require(self.same(query["art"], self.settings["emplid"]["secret"]), 403, f"wrong secret {query['art']}")
        self.require(fault != "unknown" and query["username"] == "ggbaker", 404, "no such user")
        self.json({"other": {"sfuid": "301000000"}, "nonumber": {"error": "none"}}.get(fault, {"sfuid": "200012345"}))

    @staticmethod
    def same(given, wanted):
        return hmac.compare_digest(given.encode(), wanted.encode())

    @staticmethod
    def require(good, status, reason):
        if not good:
            raise Refused(status, reason)

    def parameters(self, text):
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
        found = dict(pairs)
        self.require(len(found) == len(pairs), 400, "a parameter is there twice")
        return found

    def json(self, value):
        self.answer(200, json.dumps(value).encode(), "application/json")

    def answer(self, status, body, kind, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, form, *args):
        """Says what was asked, without the query: it holds a secret."""
        sys.stderr.write(f"{self.command} {urlsplit(self.path).path}\n")


class Server(ThreadingHTTPServer):
    """A thread for each request, on IPv4 or IPv6."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that has heard enough is no error."""


def main():
    address, port, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        Handler.settings = json.load(file)
    Server.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    Server((address, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
