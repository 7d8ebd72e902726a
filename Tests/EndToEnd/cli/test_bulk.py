"""What is done to many jobs at once: a count first, and --yes."""
import json

from harness.stubs import pb


def test_cancel_delete_retry_all_that_match(server, gkick):
    for name, count in (("keep", 2), ("go", 5)):
        for _ in range(count):
            server.enqueue("bulk", name=name)
    asked = gkick("cancel", "--queue", "bulk", "--name", "go", code=64).stderr
    assert "Cancel 5 jobs?" in asked and "--yes" in asked
    assert "0 jobs" in gkick("cancel", "--queue", "bulk", "--older-than", "1h").stdout, "none is that old: nothing to ask"
    assert json.loads(gkick("cancel", "--queue", "bulk", "--name", "go", "--reason", "why", "--yes", "--json").stdout) == {"canceled": 5}
    assert "5 jobs retried" in gkick("retry", "--state", "canceled", "--name", "go", "--older-than", "0s", "--yes").stdout
    assert "Delete for good 7 jobs?" in gkick("delete", "--queue", "bulk", code=64).stderr
    assert "1 job " not in gkick("delete", "--queue", "bulk", "--state", "ready", "--yes").stdout
    left = server.jobs.ListJobs(pb.ListJobsRequest(queue="bulk"), timeout=10).jobs
    assert list(left) == []


def test_servers_are_listed(gkick):
    servers = [json.loads(line) for line in gkick("servers", "--json").stdout.splitlines()]
    assert [one["leads"] for one in servers] == [True]


def test_queues_with_a_prefix(server, gkick):
    for queue in ("pre.a", "pre.b", "other"):
        server.enqueue(queue)
    names = [json.loads(line)["name"] for line in gkick("queues", "--prefix", "pre.", "--json").stdout.splitlines()]
    assert names == ["pre.a", "pre.b"]
