"""100,000 queues, and 100,000 names in one: on the run's store."""
from harness import lanes
from harness.server import Server


def test_a_hundred_thousand_queues_and_names():
    with Server(lease="60s") as server:
        # A row of a name or a queue of its own costs a database more.
        lanes.check(server, most=2 if server.store_kind in ("embedded", "redis") else 3)
