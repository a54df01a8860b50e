"""Plants a fixed port: alone every test passes; of two copies at the same time on one network, one fails.

The port lies below the range from which systems hand out ports to clients, so nobody takes it by chance.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

ADDRESS = ("127.0.0.1", 18473)
MESSAGES = 8
PAUSE_SECONDS = 0.025  # MESSAGES of them: the port is held for 0.2 s


def echo(server: socket.socket) -> None:
    connection, _ = server.accept()
    with closing(connection):
        while data := connection.recv(1024):
            connection.sendall(data)


@pytest.fixture
def server() -> Iterator[None]:
    with closing(socket.socket()) as listening:
        # Lets a later attempt bind while closed connections of an earlier one linger.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(ADDRESS)
        listening.listen()
        thread = threading.Thread(target=echo, args=(listening,), daemon=True)
        thread.start()
        yield
        thread.join(timeout=5)


def test_every_message_comes_back(server: None):
    with socket.create_connection(ADDRESS, timeout=5) as client:
        for number in range(MESSAGES):
            message = f"message {number}".encode()
            client.sendall(message)
            time.sleep(PAUSE_SECONDS)
            assert client.recv(1024) == message


def test_that_needs_no_port():
    assert ADDRESS[0] == "127.0.0.1"
