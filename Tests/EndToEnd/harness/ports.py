"""Ports that nobody listens on."""
import random
import socket


def free_port():
    """Not one that the kernel gives to clients (from 32768 on): a client that tries a port of a server which is away may get that very port for
    itself, and then speaks with itself."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
