"""A TCP connection's way that a test can cut: what comes in at its port goes on to another, unless it was told not to."""
import selectors
import socket
import threading
import time


class Way:
    """`cut` swallows what comes, as a network does that lost its route; `block` refuses and resets, as a firewall does that says so."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.listener.setblocking(False)
        self.is_cut = self.is_blocked = False
        self.peers = {}
        self.unsent = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.is_over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def cut(self):
        self.is_cut = True

    def block(self):
        self.is_blocked = True
        self.wake.send(b"d")

    def mend(self):
        self.is_cut = self.is_blocked = False
        self.wake.send(b"w")

    def lead_to(self, target):
        """New connections go there, those that are there end."""
        self.target = target
        self.wake.send(b"d")

    def close(self):
        self.is_over = True
        self.wake.send(b"w")
        self.thread.join()

    def _run(self):
        while not self.is_over:
            for key, events in self.selector.select(timeout=0.05 if self.is_cut else None):
                if key.fileobj is self.woken:
                    drops = b"d" in self.woken.recv(4096)
                    for one in list(self.peers):
                        if drops:
                            self._drop(one)
                        elif one in self.peers and not self.is_cut:
                            self._flush(one)
                elif key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj in self.peers:
                    self._move(key.fileobj, events)
        for one in list(self.peers):
            self._drop(one)
        self.listener.close()

    def _accept(self):
        one, _ = self.listener.accept()
        if self.is_blocked:
            one.close()
            return
        try:
            other = socket.create_connection(("127.0.0.1", self.target), timeout=1)
        except OSError:
            one.close()
            return
        for here, there in ((one, other), (other, one)):
            here.setblocking(False)
            here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers[here], self.unsent[here] = there, b""
            self.selector.register(here, selectors.EVENT_READ)

    def _move(self, one, events):
        if self.is_cut:
            # Not read: it fills up, as on a route that is gone.
            self.selector.modify(one, selectors.EVENT_READ)
            time.sleep(0.02)
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(one)
            if events & selectors.EVENT_READ:
                data = one.recv(1 << 18)
                other = self.peers[one]
                if not data:
                    self._drop(one)
                    return
                self.unsent[other] += data
                self._flush(other)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(one)

    def _flush(self, one):
        try:
            while self.unsent[one]:
                self.unsent[one] = self.unsent[one][one.send(self.unsent[one]):]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(one)
            return
        if one not in self.unsent:
            return
        waits = selectors.EVENT_WRITE if self.unsent[one] else 0
        # Who is not read fast enough slows the one it is read from.
        self.selector.modify(one, selectors.EVENT_READ | waits)

    def _drop(self, one):
        if one not in self.peers:
            return
        for side in (one, self.peers[one]):
            self.peers.pop(side, None)
            self.unsent.pop(side, None)
            self.selector.unregister(side)
            side.close()
