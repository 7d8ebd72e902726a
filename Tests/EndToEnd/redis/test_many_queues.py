"""100,000 queues, and 100,000 names in one, on Redis: in the default run too, since Redis once stopped at a tenth of it."""
from harness import lanes


def test_a_hundred_thousand_queues_and_names(make_redis, make_servers):
    (server,) = make_servers(make_redis().url, lease="60s")
    lanes.check(server)
