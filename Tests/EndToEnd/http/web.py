"""A little HTTP for the tests: what urllib makes hard."""
import gzip
import http.client
import json


def request(server, method, path, body=None, **headers):
    """Status, headers (lower case) and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    try:
        connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        data = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if found.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        return answer.status, found, data
    finally:
        connection.close()


def call(server, method, message, service="JobService", **headers):
    """A unary call with JSON: HTTP status and the answer's JSON."""
    status, found, data = request(
        server, "POST", f"/gkick.v1.{service}/{method}", json.dumps(message), **({"content_type": "application/json"} | headers))
    assert found["content-type"] == "application/json", found
    return status, json.loads(data)


class Feed:
    """GET /events, event by event."""

    def __init__(self, server, query="", last=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
        self.connection.request("GET", f"/events{query}", headers={"Last-Event-ID": last} if last else {})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def next(self):
        """One block as a dictionary; comments have the key ''."""
        block = {}
        while True:
            line = self.answer.readline().decode()
            if line == "":
                return None
            line = line.rstrip("\n")
            if not line:
                return block
            key, _, value = line.partition(":")
            block[key] = value.lstrip(" ")

    def event(self):
        """The next block that has data."""
        while (block := self.next()) is not None:
            if "data" in block:
                return block
        return None

    def close(self):
        self.connection.close()
