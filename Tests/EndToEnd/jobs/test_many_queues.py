"""100,000 queues, and 100,000 names in one: on the run's store."""
from harness import lanes
from harness.server import Server


def test_a_hundred_thousand_queues_and_names():
    with Server(lease="60s") as server:
        lanes.check(server)
