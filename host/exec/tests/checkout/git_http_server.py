"""Serves git repositories over HTTP on loopback, with the faults that a client has to cope with.

Usage: git_http_server.py ROOT LOG [CERTIFICATE KEY]

Prints its port, then serves until its standard input is closed. The first part of the path chooses what happens:

    /plain/REPO           `git http-backend`
    /private/REPO         the same for the user `x-access-token` with the password `letmein`, or what the variable
                          GIT_TEST_TOKEN says
    /no-shallow/REPO      the same from a server that cannot do shallow fetches
    /slow/REPO            the pack comes a byte at a time
    /silent/…             never answers
    /status/CODE/…        answers with that status
    /redirect/PORT/REPO   sends the client to /private/REPO at another port
    /private-redirect/…   the same once the password was given

Every request is a line of LOG: method, path, the Authorization header.
"""

import base64
import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT, LOG = sys.argv[1:3]
ALLOWED = "Basic " + base64.b64encode(f"x-access-token:{os.environ.get('GIT_TEST_TOKEN', 'letmein')}".encode()).decode()
ENDED = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        length = self.headers.get("Content-Length")
        self.serve(self.rfile.read(int(length)) if length else self.chunks())

    def chunks(self):
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def serve(self, body):
        with open(LOG, "a") as log:
            log.write(f"{self.command} {self.path} {self.headers.get('Authorization', '-')}\n")
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "silent":
            ENDED.wait()
        elif kind == "status":
            self.answer(int(rest.split("/")[0]), {}, b"")
        elif kind.startswith("private") and self.headers.get("Authorization") != ALLOWED:
            self.answer(401, {"WWW-Authenticate": 'Basic realm="test"'}, b"")
        elif kind in ("redirect", "private-redirect"):
            port, _, path = rest.partition("/")
            self.answer(302, {"Location": f"http://127.0.0.1:{port}/private/{path}"}, b"")
        else:
            self.git("/" + rest, kind, body)

    def git(self, path, kind, body):
        path, _, query = path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": ROOT,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        run = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = run.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        if kind == "no-shallow":
            content = without_shallow(content)
        self.answer(status, headers, content, slowly=kind == "slow" and self.command == "POST")

    def answer(self, status, headers, content, slowly=False):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not slowly:
            self.wfile.write(content)
            return
        for at in range(len(content)):
            self.wfile.write(content[at : at + 1])
            self.wfile.flush()
            time.sleep(0.02)

    def log_message(self, *_):
        pass


def without_shallow(content):
    """The advertisement without the capability; the lengths of lines are part of the format."""
    out, at = b"", 0
    while at < len(content):
        size = int(content[at : at + 4], 16)
        line = content[at + 4 : at + size] if size else b""
        for word in (b" shallow", b" deepen-since", b" deepen-not", b" deepen-relative"):
            line = line.replace(word, b"")
        out += b"%04x" % (len(line) + 4) + line if size else b"0000"
        at += size or 4
    return out


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)


main()
