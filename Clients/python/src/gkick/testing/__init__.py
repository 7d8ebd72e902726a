"""For tests: a real server of their own (`Server`, the pytest fixture `gkick_server`), and jobs that run at once in memory (`app.test()`)."""
from .memory import InMemory
from .server import Server

__all__ = ["InMemory", "Server"]
