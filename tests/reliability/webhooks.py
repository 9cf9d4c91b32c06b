#!/usr/bin/env python3
"""Mail beside bad receivers of webhooks (security row R19): does it flow as if they were not there, and is nothing lost?

  webhooks.py                       100,000 events: some minutes
  webhooks.py --events 4000 --rounds 1     a short look

Rounds without webhooks and with them take turns on one machine, each with a fresh store: the same clients submit over SMTP at a steady
pace (--rate; 0: as fast as they can, where all compete for the processors) and the destination takes everything. With them, endpoints answer 500, say nothing, close, answer 10 MiB, speak TLS with a certificate that
nobody signed; and one works. Told are: mail a second in both kinds of rounds, what the working endpoint heard (every event at least once), how
each endpoint stands, what is in its log, and the size of the database.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import pathlib
import ssl
import statistics
import sys
import time

from crash import free_port, greets
from load import Client, Destination, Hooks
from relay import Relay, require_root, run

BAD = ("fail", "hang", "close", "flood", "tls")


class BadReceivers:
    """One port for each kind of trouble, in a process of their own that gives way to all others: theirs are other machines."""

    def __init__(self, folder: pathlib.Path):
        self.ports = {kind: free_port() for kind in BAD}
        self.counts = {kind: multiprocessing.Value("i", 0) for kind in BAD}
        self.folder, self.process = folder, None

    @property
    def requests(self):
        return {kind: count.value for kind, count in self.counts.items()}

    def start(self):
        key, certificate = self.folder / "bad.key", self.folder / "bad.pem"
        run("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=other.test", "-days", "2", "-keyout", key, "-out", certificate)
        ready = multiprocessing.Event()
        self.process = multiprocessing.Process(target=lambda: asyncio.run(self._run(key, certificate, ready)), daemon=True)
        self.process.start()
        if not ready.wait(20):
            raise RuntimeError("the bad receivers do not start")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.join()

    async def _run(self, key, certificate, ready):
        os.nice(10)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        servers = [await asyncio.start_server(lambda reader, writer, kind=kind: self._serve(kind, reader, writer), "127.0.0.1", self.ports[kind],
                                              ssl=context if kind == "tls" else None) for kind in BAD]
        ready.set()
        await asyncio.gather(*(server.serve_forever() for server in servers))

    async def _serve(self, kind, reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            with self.counts[kind].get_lock():
                self.counts[kind].value += 1
            if kind == "hang":
                await asyncio.sleep(60)
            elif kind == "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
                for _ in range(160):
                    writer.write(b"x" * 65536)
                    await writer.drain()
            elif kind == "fail":
                writer.write(b"HTTP/1.1 500 Broken\r\nContent-Length: 20\r\n\r\nthe database is away")
                await writer.drain()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


class Round:
    """One store, `messages` through it; each becomes two events."""

    def __init__(self, messages, with_hooks, clients, rate=0):
        self.messages, self.with_hooks, self.clients, self.rate = messages, with_hooks, clients, rate
        self.destination = Destination(free_port())
        self.hooks = Hooks(free_port())
        self.relay = Relay(free_port(), self.destination.port, web_port=free_port(), hooks_port=self.hooks.port if with_hooks else 0)
        self.receivers = BadReceivers(self.relay.folder)

    async def run(self):
        try:
            await self.destination.start()
            await self.hooks.start()
            if self.with_hooks:
                self.receivers.start()
                for kind in BAD:
                    scheme = "https" if kind == "tls" else "http"
                    self.relay.command("webhook", "add", f"{scheme}://localhost:{self.receivers.ports[kind]}/{kind}", "--tenant", "crash")
            self.relay.start()
            await greets(self.relay.port, 30)
            return await self._measure()
        finally:
            await self.destination.stop()
            await self.hooks.stop()
            self.receivers.stop()
            self.relay.remove()

    async def _measure(self):
        sent, accepted = set(), set()
        clients = [Client(self.relay.port, f"c{number}", 2048, sent, accepted, self.clients / self.rate if self.rate else 0.0) for number in range(self.clients)]
        began = time.monotonic()
        tasks = [asyncio.create_task(client.run()) for client in clients]
        while len(self.destination.seen) < self.messages:
            await asyncio.sleep(0.05)
            if len(sent) >= self.messages:
                for client in clients:
                    client.stopped = True
            if time.monotonic() > began + 1800:
                raise RuntimeError(f"only {len(self.destination.seen)} of {self.messages} arrived\n{self.relay.log_end()}")
        seconds = time.monotonic() - began
        for client in clients:
            client.stopped = True
        await asyncio.gather(*tasks)
        told = {"messages": len(accepted), "seconds": round(seconds, 2), "mail_per_second": round(self.messages / seconds, 1)}
        if self.with_hooks:
            told |= await self._look_at_hooks(accepted)
        return told

    async def _look_at_hooks(self, accepted):
        began, wanted = time.monotonic(), 2 * len(accepted)
        heard = lambda: sum(len(kinds) for message, kinds in self.hooks.heard.items() if message)  # noqa: E731
        while heard() < wanted and time.monotonic() < began + 900:
            await asyncio.sleep(0.5)
        endpoints = (await asyncio.to_thread(self.relay.answer, "webhook", "list"))["webhooks"]
        told = {"events": wanted, "heard": heard(), "seconds_until_heard": round(time.monotonic() - began, 1), "endpoints": {}}
        for endpoint in endpoints:
            log = await asyncio.to_thread(self.relay.answer, "webhook", "log", endpoint["id"], "--limit", "1")
            told["endpoints"][endpoint["url"].rpartition("/")[2] or "good"] = {
                **{name: endpoint[name] for name in ("pending", "delivered", "dead", "given_up", "enabled")},
                "last_attempt": {name: log["attempts"][0][name] for name in ("status", "problem", "milliseconds")} if log["attempts"] else None}
        told["database_mib"] = round(sum(file.stat().st_size for file in (pathlib.Path(self.relay.disk.path) / "data").glob("relevo.db*")) / 2**20, 1)
        told["requests"] = self.receivers.requests
        return told


async def compare(events, rounds, clients, rate, report=print):
    """Rounds of both kinds in turn. The share of undisturbed mail that still flows, and what the last disturbed round found."""
    rates, last = {False: [], True: []}, {}
    for number in range(rounds):
        for with_hooks in (False, True) if number % 2 == 0 else (True, False):
            told = await Round(events // 2 // rounds, with_hooks, clients, rate).run()
            rates[with_hooks].append(told["mail_per_second"])
            last = told if with_hooks else last
            report(json.dumps({"bad_webhooks": with_hooks, **told}))
    share = statistics.median(rates[True]) / statistics.median(rates[False])
    report(f"mail beside bad webhooks: {share:.1%} of undisturbed mail")
    return share, last


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="in all rounds with webhooks")
    parser.add_argument("--rounds", type=int, default=2, help="of each kind")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=float, default=150, help="messages a second")
    options = parser.parse_args()
    require_root()
    share, last = asyncio.run(compare(options.events, options.rounds, options.clients, options.rate, lambda line: print(line, flush=True)))
    return 0 if share >= 0.95 and last["heard"] >= last["events"] else 1


if __name__ == "__main__":
    sys.exit(main())
