"""Plants a need: a server on 127.0.0.1 that somebody else started and that answers `ping` with `pong`.

Its port stands in the variable SERVER_PORT or else in `port.txt` beside this file.
"""

import os
import socket
from pathlib import Path


def port() -> int:
    text = os.environ.get("SERVER_PORT") or Path(__file__).with_name("port.txt").read_text()
    return int(text)


def test_server_answers():
    with socket.create_connection(("127.0.0.1", port()), timeout=5) as client:
        client.sendall(b"ping\n")
        assert client.makefile().readline() == "pong\n"


def test_that_needs_no_server():
    assert True
