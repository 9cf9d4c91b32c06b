#!/usr/bin/env python3
"""Cuts Relevo off under load, again and again, and compares what it promised with what arrived.

  crash.py                        kill -9, 20 cycles: mail flowing
  crash.py --hold                 the same with the destination down until after the cut: everything is in the queue
  crash.py --http                 the same over the HTTP API, with webhooks and tracked links; each request is made again after
                                  the cut, with its Idempotency-Key
  crash.py --power ext4 --cycles 5      power cuts: whatever was not synced is gone; also xfs
  crash.py --power ext4 --hold --cycles 1 --unsynced    negative control: must lose mail, else the harness tests
                                        nothing (without --hold most of it is delivered before the cut)

A cycle: start the relay, load it over loopback, cut it at a random moment, bring the disk back, start it again, let it
drain into the destination, compare. Counted are: accepted (250 after DATA or BDAT); lost (accepted, never arrived);
duplicates (deliveries beyond one each; at most one for each connection and cut); ghosts (arrived, never acknowledged:
allowed); torn (content changed). After each restart with the destination down, the queue's list is held against what
was accepted. Needs root.
"""
import argparse
import asyncio
import dataclasses
import http.client
import json
import random
import signal
import socket
import sys
import time
import urllib.parse

from load import TARGET, Client, Destination, Hooks, HttpClient
from relay import Relay, require_root


@dataclasses.dataclass
class Plan:
    cycles: int = 20
    hold: bool = False              # the destination is down until after the cut
    http: bool = False              # submitted over the HTTP API
    power: str = ""                 # file system of a power cut; empty: SIGKILL
    synced: bool = True
    clients: int = 16
    size: int = 4096
    earliest: float = 0.3           # seconds from the first client to the cut
    latest: float = 2.0
    drain: float = 60.0             # seconds for the queue to empty after a restart
    reply_delay: float = 0.0        # the destination answers this late
    seed: int = 1


@dataclasses.dataclass
class Totals:
    cycles: int = 0
    accepted: int = 0
    lost: int = 0
    duplicates: int = 0
    duplicates_in_a_cycle: int = 0
    ghosts: int = 0
    torn: int = 0
    acted_twice: int = 0            # HTTP: numbers that became two messages, or whose repeated request was answered otherwise
    untold: int = 0                 # HTTP: messages whose acceptance or delivery no webhook heard of
    dead_links: int = 0             # HTTP: tracked links of mail that arrived, and lead nowhere
    wrong_lists: int = 0            # restarts after which the queue's list was not what was accepted
    slowest_restart: float = 0.0    # seconds from the start to the first 220
    problems: list = dataclasses.field(default_factory=list)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def greets(port, seconds):
    """Seconds until the relay says 220."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            line = await asyncio.wait_for(reader.readline(), 5)
            writer.close()
            if line.startswith(b"220"):
                return time.monotonic() - begin
        except (OSError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(0.02)
    raise RuntimeError(f"no greeting within {seconds} s")


def location_of(link):
    """Where a tracked link redirects to; nothing: nowhere."""
    target = urllib.parse.urlsplit(link)
    connection = http.client.HTTPConnection(target.hostname, target.port, timeout=20)
    try:
        connection.request("GET", target.path)
        return connection.getresponse().getheader("Location")
    finally:
        connection.close()


class Campaign:
    def __init__(self, plan, report=print):
        require_root()
        random.seed(plan.seed)
        self.plan, self.report, self.totals = plan, report, Totals()
        self.destination = Destination(free_port(), plan.reply_delay)
        self.hooks = Hooks(free_port()) if plan.http else None
        self.relay = Relay(free_port(), self.destination.port, plan.power or None, plan.synced,
                           free_port() if plan.http else 0, self.hooks.port if plan.http else 0)
        self.accepted, self.sent, self.ids = set(), set(), {}

    async def run(self):
        try:
            for number in range(self.plan.cycles):
                await self._cycle(number)
                self.totals.cycles += 1
        except (RuntimeError, AssertionError) as error:
            self.totals.problems.append(f"{error}\nEnd of the server's log:\n{self.relay.log_end()}")
        finally:
            self.relay.kill()
            await self.destination.stop()
            if self.hooks:
                await self.hooks.stop()
            self.relay.remove()
        missing = self.accepted - set(self.destination.seen)
        self.totals.accepted, self.totals.lost = len(self.accepted), len(missing)
        self.totals.ghosts = len(set(self.destination.seen) - self.accepted)
        self.totals.duplicates, self.totals.torn = self.destination.duplicates(), self.destination.torn
        return self.totals

    async def _cycle(self, number):
        arrived, duplicates = set(self.destination.seen), self.destination.duplicates()
        if not self.plan.hold:
            await self.destination.start()
        if self.hooks:
            await self.hooks.start()
        self.relay.start()
        await greets(self.relay.port, 30)
        accepted, clients = await self._load_and_cut(number)
        self.accepted |= accepted
        self.relay.disk.restore()
        if self.plan.hold and self.plan.synced:
            await self._compare_lists(number, accepted)
        self.relay.start()
        restart = await greets(self.relay.port, 60)
        self.totals.slowest_restart = max(self.totals.slowest_restart, round(restart, 2))
        await self.destination.start()
        if self.plan.http:
            await self._ask_again(clients)
        await self._drain()
        if self.plan.http:
            await self._follow_up(number)
        self.relay.kill()
        if self.plan.hold:
            await self.destination.stop()
        doubled = self.destination.duplicates() - duplicates
        self.totals.duplicates_in_a_cycle = max(self.totals.duplicates_in_a_cycle, doubled)
        self.report(f"cycle {number}: accepted {len(accepted)} delivered {len(set(self.destination.seen) - arrived)} "
                    f"missing {len(self.accepted - set(self.destination.seen))} duplicates {doubled} "
                    f"torn {self.destination.torn} restart {restart:.2f} s")

    async def _load_and_cut(self, number):
        accepted = set()
        clients = [self._client(f"c{number}-{client}", accepted) for client in range(self.plan.clients)]
        tasks = [asyncio.create_task(client.run()) for client in clients]
        await asyncio.sleep(random.uniform(self.plan.earliest, self.plan.latest))
        # No other coroutine runs from here on: what is in `accepted` now was acknowledged before the cut.
        self.relay.disk.cut()
        self.relay.kill()
        promised = set(accepted)
        for client, task in zip(clients, tasks):
            client.stopped = True
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return promised, clients

    def _client(self, name, accepted):
        if self.plan.http:
            return HttpClient(self.relay.web_port, self.relay.key, name, self.plan.size, self.sent, accepted)
        return Client(self.relay.port, name, self.plan.size, self.sent, accepted)

    async def _ask_again(self, clients):
        """Who heard no answer asks again: once the request acts at most, and always with the same answer."""
        wrong = [told for found in await asyncio.gather(*(client.again() for client in clients)) for told in found]
        self.totals.acted_twice += len(wrong)
        self.totals.problems += wrong[:3]
        for client in clients:
            self.accepted |= set(client.begun)
            self.ids |= client.ids

    async def _follow_up(self, number):
        """What follows from mail that was promised: webhooks hear of it, its links lead where they should."""
        mine = [name for name in self.ids if name.startswith(f"c{number}-")]
        untold = lambda: [name for name in mine if not {"message.accepted", "message.delivered"} <= self.hooks.heard[self.ids[name]]]  # noqa: E731
        end = time.monotonic() + self.plan.drain
        while untold() and time.monotonic() < end:
            await asyncio.sleep(0.1)
        self.totals.untold += len(untold())
        for name in mine:
            self.totals.acted_twice += self.destination.messages[name] != {self.ids[name]}
        for name, link in self.destination.links.items():
            if name.startswith(f"c{number}-") and await asyncio.to_thread(location_of, link) != f"{TARGET}/{name}":
                self.totals.dead_links += 1

    async def _compare_lists(self, number, accepted):
        """Nothing could leave: the queue must hold every accepted message, and none that was never sent (R23)."""
        sent = sum(1 for name in self.sent if name.startswith(f"c{number}-"))
        stored = await asyncio.to_thread(self.relay.queued)
        if not len(accepted) <= stored <= sent:
            self.totals.wrong_lists += 1
            self.report(f"cycle {number}: the queue lists {stored} of {len(accepted)} accepted, {sent} sent")

    async def _drain(self):
        """Asks for all to be tried now, until everything promised has arrived and nothing more comes."""
        end = time.monotonic() + self.plan.drain
        while time.monotonic() < end:
            await asyncio.to_thread(self.relay.command, "queue", "retry", "--all", "--yes", check=False)
            asked = time.monotonic()
            while time.monotonic() < asked + 3:
                await asyncio.sleep(0.1)
                if self.accepted <= set(self.destination.seen) and await asyncio.to_thread(self.relay.queued) == 0:
                    return
            if not self.plan.synced and not await asyncio.to_thread(self.relay.queued):
                return  # what is missing now is lost: the point of the control


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--power", default="", choices=["", "ext4", "xfs"])
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--unsynced", action="store_true")
    for name, kind in (("cycles", int), ("clients", int), ("size", int), ("earliest", float), ("latest", float),
                       ("drain", float), ("reply-delay", float), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan, name.replace("-", "_")))
    options = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the relay ends with us
    options["synced"] = not options.pop("unsynced")
    totals = asyncio.run(Campaign(Plan(**options), lambda line: print(line, flush=True)).run())
    print(json.dumps(dataclasses.asdict(totals)))
    failures = (totals.lost, totals.torn, totals.wrong_lists, totals.acted_twice, totals.untold, totals.dead_links)
    return 1 if any(failures) or totals.problems else 0


if __name__ == "__main__":
    sys.exit(main())
