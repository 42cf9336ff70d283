"""A port for a server that is about to start, for tests, benchmarks and the demo fleet."""

import random
import socket


def free_port(host="127.0.0.1"):
    """Below the range from which connections take theirs: none takes it before its server does."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        return port
