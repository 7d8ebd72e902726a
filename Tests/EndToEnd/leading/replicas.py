"""A store with a replica that can be made to lag, and servers that reach whichever of the two is to be used."""
import pytest
from harness.calls import until
from harness.cut import Way
from harness.database import Postgres, Replica
from harness.redis import Redis


class Pair:
    """`way` is the one to the store in use; `link` the one by which its replica hears of it."""

    def __init__(self, store, clean):
        if not isinstance(store, (Redis, Postgres)):
            pytest.skip("fail-over of MariaDB is its operators' affair; a server that lost writes is tried on the others")
        self.store, self.clean = store, clean
        self.way = Way(store.port)
        clean(self.way)
        self.follow()

    def follow(self):
        """A new replica of the store in use."""
        self.link = Way(self.store.port)
        self.clean(self.link)
        if isinstance(self.store, Redis):
            self.replica = Redis("--replicaof", f"127.0.0.1 {self.link.port}")
            self.clean(self.replica)
            until(lambda: "master_link_status:up" in self.replica.ask("INFO", "replication"), "replica in step", timeout=60)
        else:
            self.replica = Replica(self.store, self.link.port)
            self.clean(self.replica)

    def fail_over(self):
        """The replica is the store from now on."""
        if self.store.process.poll() is None:
            self.store.kill()
        if isinstance(self.replica, Redis):
            self.replica.ask("REPLICAOF", "NO", "ONE")
        else:
            self.replica.promote()
        self.store = self.replica
        self.way.lead_to(self.store.port)

    def in_step(self):
        return self.has(self.place())

    def place(self):
        """How far the store in use has come."""
        return self._place(self.store, "master_repl_offset", "pg_current_wal_lsn()")

    def has(self, place):
        """Whether its replica has come so far."""
        return self._place(self.replica, "slave_repl_offset", "pg_last_wal_replay_lsn()") >= place

    def _place(self, one, field, function):
        if isinstance(one, Redis):
            return int(next(line.split(":")[1] for line in one.ask("INFO", "replication").splitlines() if line.startswith(field)))
        return int(one.ask(f"SELECT ({function} - '0/0'::pg_lsn)::bigint"))
