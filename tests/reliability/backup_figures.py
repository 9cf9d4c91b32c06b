#!/usr/bin/env python3
"""How long backups take of a queue of a given length, while the server runs.

  backup_figures.py                      100,000 messages of about 4 KiB
  backup_figures.py --messages 10000
"""
import argparse
import asyncio
import json
import shutil
import sys
import time

from crash import free_port, greets
from load import Client
from relay import Relay


async def fill(relay, count, clients=16):
    accepted = set()
    all_clients = [Client(relay.port, f"f{len(accepted)}-{time.monotonic_ns()}-{number}", 4096, set(), accepted) for number in range(clients)]
    tasks = [asyncio.create_task(client.run()) for client in all_clients]
    while len(accepted) < count:
        await asyncio.sleep(0.1)
    for client, task in zip(all_clients, tasks):
        client.stopped = True
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(accepted)


def timed(relay, *words):
    begin = time.monotonic()
    answer = relay.answer(*words)
    return round(time.monotonic() - begin, 1), answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    options = parser.parse_args()
    relay = Relay(free_port(), free_port())   # nobody takes mail there
    try:
        relay.command("queue", "suspend", "dst.test")
        relay.start()
        asyncio.run(greets(relay.port, 30))
        begin = time.monotonic()
        asyncio.run(fill(relay, options.messages))
        figures = {"fill_seconds": round(time.monotonic() - begin, 1)}
        folder = str(relay.folder / "backups")
        figures["create"], made = timed(relay, "backup", "create", "--rate", "0", folder)
        asyncio.run(fill(relay, max(100, options.messages // 100)))
        figures["again"], again = timed(relay, "backup", "create", "--rate", "0", folder)
        figures["verify"], verified = timed(relay, "backup", "verify", folder)
        figures["export"], exported = timed(relay, "export", "--tenant", "crash", str(relay.folder / "export"))
        relay.kill()
        figures["restore"], restored = timed(relay, "backup", "restore", folder, "--data-dir", str(relay.folder / "restored"))
        figures |= {"messages": made["messages"], "octets": made["octets"], "again_written": again["written_octets"],
                    "whole": verified["whole"], "exported_mails": exported["mails"], "held": restored["held"]}
        print(json.dumps(figures))
        return 0 if verified["whole"] and restored["held"] == again["recipients"] else 1
    finally:
        shutil.rmtree(relay.folder / "backups", ignore_errors=True)
        relay.remove()


if __name__ == "__main__":
    sys.exit(main())
