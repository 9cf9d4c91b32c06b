#!/usr/bin/env python3
"""Half an hour of mail with faults (security row R21): does anything get lost, does memory or a count of descriptors grow?

  soak.py                        30 minutes, 50 messages a second
  soak.py --minutes 2 --rate 20  a short look

Every half minute, chosen by chance: the server is killed (in the first third only, so that the memory of one process can be followed
afterwards), the destination is away, busy, silent, or cuts connections in the middle of a message, clients vanish in the middle of
theirs, the disk is full, the configuration is loaded anew. In the end everything must have arrived and the queue be empty. The slope is
that of a line through the samples of the last process, its first quarter left out.
"""
import argparse
import asyncio
import json
import os
import pathlib
import random
import statistics
import sys
import time

from crash import free_port, greets
from load import Client, Destination
from relay import LoopDisk, Relay, require_root, run

FAULT_SECONDS = 10


class RoomyDisk(LoopDisk):
    SIZE = "6G"  # sparse: what half an hour of history needs, and more


class SoakedRelay(Relay):
    def _disk(self, _file_system):
        return RoomyDisk(self.folder, "ext4")

    def server(self):
        """The process id of the server, outside its namespace."""
        parent = self.process.pid
        return int(pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.server()}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server()}/fd"))


class TroubledDestination(Destination):
    """Works as `mode` says: well, busy, silent, cutting. A change ends all connections."""

    def __init__(self, port):
        super().__init__(port)
        self.mode, self.writers = "well", set()

    def set_mode(self, mode):
        self.mode = mode
        for writer in self.writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        try:
            if self.mode == "busy":
                writer.write(b"421 4.3.2 come back later\r\n")
                writer.close()
            elif self.mode == "silent":
                await asyncio.sleep(2 * FAULT_SECONDS)
                writer.close()
            elif self.mode == "cutting":
                writer.write(b"220 destination.test\r\n")
                while (line := await reader.readline()) and not line.startswith(b"Received:"):
                    writer.write(b"354 go\r\n" if line.upper().startswith(b"DATA") else b"250 ok\r\n")
                writer.transport.abort()
            else:
                await super()._serve(reader, writer)
        except (ConnectionError, ValueError):
            pass
        finally:
            self.writers.discard(writer)


# security row R21
class Soak:
    def __init__(self, minutes, rate, seed):
        require_root()
        self.chance = random.Random(seed)
        self.minutes, self.rate = minutes, rate
        self.destination = TroubledDestination(free_port())
        self.relay = SoakedRelay(free_port(), self.destination.port)
        self.sent, self.accepted, self.faults, self.samples, self.refused = set(), set(), {}, [], set()

    async def run(self):
        try:
            await self.destination.start()
            self.relay.start()
            await greets(self.relay.port, 30)
            return await self._soak()
        finally:
            await self.destination.stop()
            self.relay.remove()

    async def _soak(self):
        began, end = time.monotonic(), time.monotonic() + 60 * self.minutes
        clients = [Client(self.relay.port, f"c{number}", 4096, self.sent, self.accepted, 10 / self.rate) for number in range(10)]
        for client in clients:
            client.refused = lambda line: self.refused.add(line[:9].decode(errors="replace"))
        tasks = [asyncio.create_task(client.run()) for client in clients]
        sampling = asyncio.create_task(self._sample(began))
        while time.monotonic() < end:
            may_kill = time.monotonic() < began + 20 * self.minutes
            name = self.chance.choice([name for name in self._faults() if may_kill or name != "killed"])
            self.faults[name] = self.faults.get(name, 0) + 1
            print(f"{time.monotonic() - began:.0f} s: {name}; accepted {len(self.accepted)}, arrived {len(self.destination.seen)}", flush=True)
            await self._faults()[name]()
            await asyncio.sleep(min(2 * FAULT_SECONDS, max(0.0, end - time.monotonic())))
        for client in clients:
            client.stopped = True
        await asyncio.gather(*tasks)
        seconds_to_empty = await self._drain()
        sampling.cancel()
        return self._told() | {"minutes": self.minutes, "seconds_to_empty": seconds_to_empty}

    # --- what goes wrong

    def _faults(self):
        return {"killed": self._killed, "away": self._away, "busy": lambda: self._in_mode("busy"), "silent": lambda: self._in_mode("silent"),
                "cutting": lambda: self._in_mode("cutting"), "vanishing clients": self._vanishing, "full disk": self._full,
                "loaded anew": self._reloaded}

    async def _killed(self):
        self.relay.kill()
        self.samples.clear()
        self.relay.start()
        await greets(self.relay.port, 60)

    async def _away(self):
        await self.destination.stop()
        self.destination.set_mode("well")
        await asyncio.sleep(FAULT_SECONDS)
        await self.destination.start()

    async def _in_mode(self, mode):
        self.destination.set_mode(mode)
        await asyncio.sleep(FAULT_SECONDS)
        self.destination.set_mode("well")

    async def _vanishing(self):
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", self.relay.port)
            writer.write(b"EHLO x.test\r\nMAIL FROM:<a@src.test>\r\nRCPT TO:<b@dst.test>\r\nDATA\r\nSubject: never ends\r\n\r\n" + b"x" * 70 + b"\r\n")
            await writer.drain()
            writer.transport.abort() if self.chance.random() < 0.5 else writer.close()

    async def _full(self):
        ballast = pathlib.Path(self.relay.disk.path) / "ballast"
        room = os.statvfs(self.relay.disk.path)
        await asyncio.to_thread(run, "fallocate", "-l", str(room.f_bavail * room.f_frsize - (8 << 20)), ballast)  # less than the reserve is left
        await asyncio.sleep(FAULT_SECONDS)
        ballast.unlink()

    async def _reloaded(self):
        await asyncio.to_thread(self.relay.command, "reload")

    # --- what became of it

    async def _sample(self, began):
        while True:
            await asyncio.sleep(2)
            try:
                self.samples.append((time.monotonic() - began, self.relay.resident_mib(), self.relay.descriptors()))
            except (OSError, IndexError, AttributeError):
                pass  # it is being started

    async def _drain(self):
        began = time.monotonic()
        while time.monotonic() < began + 600:
            await asyncio.to_thread(self.relay.command, "queue", "retry", "--all", "--yes", check=False)
            asked = time.monotonic()
            while time.monotonic() < asked + 10:
                if self.accepted <= set(self.destination.seen) and await asyncio.to_thread(self.relay.queued) == 0:
                    return round(time.monotonic() - began, 1)
                await asyncio.sleep(0.5)
        return None

    def _told(self):
        steady = self.samples[len(self.samples) // 4:]
        slope = statistics.linear_regression(*zip(*((at / 3600, resident) for at, resident, _ in steady))).slope if len(steady) > 1 else None
        return {"sent": len(self.sent), "accepted": len(self.accepted), "lost": len(self.accepted - set(self.destination.seen)),
                "torn": self.destination.torn, "duplicates": self.destination.duplicates(), "faults": self.faults, "refusals": sorted(self.refused),
                "steady_minutes": round((steady[-1][0] - steady[0][0]) / 60, 1) if steady else 0,
                "resident_mib": [round(steady[0][1], 1), round(steady[-1][1], 1)] if steady else None,
                "mib_an_hour": None if slope is None else round(slope, 2),
                "descriptors": [steady[0][2], max(one[2] for one in steady), steady[-1][2]] if steady else None}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=50, help="messages a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    told = asyncio.run(Soak(options.minutes, options.rate, options.seed).run())
    print(json.dumps(told))
    return 1 if told["lost"] or told["torn"] or told["seconds_to_empty"] is None else 0


if __name__ == "__main__":
    sys.exit(main())
