"""Web pages as a browser holds them open: an overview that asks every two seconds, and a feed of events.

    browsers.py HOST:PORT COUNT SECONDS
"""
import asyncio
import json
import sys


class Connection:
    """One kept HTTP/1.1 connection."""

    def __init__(self, address):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.reader = self.writer = None

    async def ask(self, method, path, body=b""):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        status = await self.reader.readline()
        assert b" 200 " in status, status
        length = None
        while (line := await self.reader.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return length

    async def fetch(self, method, path, body=b""):
        length = await self.ask(method, path, body)
        assert length is not None
        return await self.reader.readexactly(length)


async def browser(address, end, counts):
    loop = asyncio.get_running_loop()
    page, feed = Connection(address), Connection(address)
    await feed.ask("GET", "/events")

    async def listen():
        while await feed.reader.readline():
            counts["lines"] += 1

    listening = asyncio.create_task(listen())
    for name in ("live", "day"):
        json.loads(await page.fetch("GET", f"/series/{name}"))
    turn = 0
    while loop.time() < end:
        json.loads(await page.fetch("GET", "/series/now"))
        # The line that says who answers, every ten seconds.
        if turn % 5 == 0:
            for method in ("GetServerInfo", "ListServers"):
                await page.fetch("POST", f"/gkick.v1.AdminService/{method}", b"{}")
        counts["polls"] += 1
        turn += 1
        await asyncio.sleep(2)
    listening.cancel()


async def main(address, count, seconds):
    counts = {"polls": 0, "lines": 0}
    end = asyncio.get_running_loop().time() + seconds
    started = []
    for _ in range(count):
        started.append(asyncio.create_task(browser(address, end, counts)))
        # People do not open their pages in the same moment.
        await asyncio.sleep(2 / count)
    await asyncio.gather(*started)
    print(f"{count} browsers: {counts['polls']} polls, {counts['lines']} lines of events")


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
