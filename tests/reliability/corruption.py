#!/usr/bin/env python3
"""Damages a store in every way that disks do, starts it, and compares what is left with what was promised (row R14).

  corruption.py                          30 seeds
  corruption.py --seeds 1000 --jobs 2    for the record; --first 712 --seeds 1 --keep: one of them again, its folder kept

For each seed one file of a whole store has a bit flipped, a page of 4 KiB zeroed, its tail cut, is deleted, copied under
another name, or swapped with another one. Then: `relevo doctor`; the start, with `relevo store repair` where the start
asks for it; a `relevo sink` takes all that goes out; `relevo doctor` again, at the running server. What must hold:

  no process ends by a signal or hangs; a start that is refused says what is damaged and what to do; after the repair it
  starts, unless nothing of the database can be read, which needs a backup and is said so;
  each recipient that was promised is delivered to, or held and named by the doctor, or held by the repair because a bit of
  its row may be wrong, or among rows that the repair says are missing, or that a start says were lost with the log; never
  to anybody else, never with other content;
  whatever kept the server from serving all was found by the doctor, before the start.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time

from load import fingerprint, make_message
from relay import Relay, run, wait_until

PAGE = 4096
OPERATIONS = ("flip", "zero", "cut", "delete", "duplicate", "swap")
MESSAGES, BATCHES, HISTORY = 8, 3, 6
DEADLINE = 20.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclasses.dataclass
class Verdict:
    seed: int
    damage: str                     # what was done
    outcome: str = ""               # unharmed, held, repaired, needs a backup
    problems: list = dataclasses.field(default_factory=list)


class Damage:
    """One file of the folder, changed as the seed says."""

    def __init__(self, folder, seed):
        self.folder, self.random = folder, random.Random(seed)
        files = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in ("lock", "attempts"))
        weights = [{"relevo.db": 40, "relevo.db-wal": 25, "statistics.db": 8}.get(path.name, 10 if path.name.startswith("segment-") else 3)
                   for path in files]
        self.path = self.random.choices(files, weights)[0]
        self.others = [path for path in files if path != self.path]
        self.operation = self.random.choice(OPERATIONS)

    def do(self):
        return f"{self.path.name}: " + getattr(self, self.operation)()

    def _place(self):
        """Where something is: files are longer than what is in them."""
        octets = self.path.read_bytes().rstrip(b"\0")
        return self.random.randrange(max(1, len(octets)))

    def _place_of_row(self):
        """In or beside the row of a recipient or a message: a turned bit there shows nothing to SQLite."""
        rows = [found.start() for found in re.finditer(rb"r[01]\.b\d\d@dst\.test|a@src\.test", self.path.read_bytes())]
        return self.random.choice(rows) + self.random.randrange(-24, 30) if rows else self._place()

    def flip(self):
        is_row = self.path.name == "relevo.db" and self.random.random() < 0.5
        place, bit = self._place_of_row() if is_row else self._place(), self.random.randrange(8)
        octets = bytearray(self.path.read_bytes())
        if octets:
            octets[place] ^= 1 << bit
            self.path.write_bytes(octets)
        return f"bit {bit} of octet {place} flipped"

    def zero(self):
        place = self._place() // PAGE * PAGE
        octets = bytearray(self.path.read_bytes())
        octets[place:place + PAGE] = bytes(len(octets[place:place + PAGE]))
        self.path.write_bytes(octets)
        return f"{PAGE} octets at {place} zeroed"

    def cut(self):
        size = self._place()
        with open(self.path, "r+b") as file:
            file.truncate(size)
        return f"cut to {size} octets"

    def delete(self):
        self.path.unlink()
        return "deleted"

    def duplicate(self):
        if self.path.name.startswith("segment-"):
            copy = self.folder / f"segment-{int(self.path.name[8:]) + self.random.randrange(1, 9):010}"
        else:
            copy = self.folder / (self.path.name + ".copy")
        shutil.copy(self.path, copy)
        return f"copied to {copy.name}"

    def swap(self):
        other = self.random.choice(self.others)
        mine, theirs = self.path.read_bytes(), other.read_bytes()
        self.path.write_bytes(theirs)
        other.write_bytes(mine)
        return f"swapped with {other.name}"


class Sink:
    """`relevo sink`: what it took is in a folder and in the lines that it printed."""

    def __init__(self, program, port, folder):
        self.folder = folder
        folder.mkdir()
        self.lines = folder / "lines"
        with open(self.lines, "wb") as lines:
            self.process = subprocess.Popen([program, "sink", "--json", "--listen", f"127.0.0.1:{port}", "--maildir", str(folder / "mail")],
                                            stdout=lines, stderr=subprocess.STDOUT)

        def greets():
            with socket.socket() as probe:
                probe.settimeout(1)
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(greets, "the sink", 10)

    def stop(self):
        self.process.kill()
        self.process.wait(10)

    def taken(self):
        """(number, recipient, whether the content is as it was) of each that arrived."""
        arrived = []
        for line in self.lines.read_text().splitlines():
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            content = pathlib.Path(entry["file"]).read_bytes()
            head, _, body = content.partition(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n") if b": " in line and not line.startswith((b" ", b"\t")))
            number = fields.get(b"X-Crash-Id", b"?").decode("latin-1").strip()
            whole = fingerprint(body) == fields.get(b"X-Crash-Hash", b"?").decode("latin-1").strip()
            arrived += [(number, recipient, whole) for recipient in entry["recipients"]]
        return arrived


class Harness:
    """A whole store, made once: contents in several files, history, a signing key, logins; stopped, and killed."""

    def __init__(self):
        self.destination_port = free_port()
        self.relay = Relay(free_port(), self.destination_port)
        self.promised = {}   # (number, recipient) -> message id
        self.done = set()    # numbers that were delivered beforehand
        self.data = self.relay.disk.path / "data"
        self._make()

    def _make(self):
        relay = self.relay
        relay.command("credential", "add", "ana", "--tenant", "crash", check=False)
        relay.command("suppression", "add", "gone@dst.test", "--tenant", "crash")
        sink = Sink(relay.program, self.destination_port, relay.folder / "history")
        self._serve()
        self._send("h", HISTORY, 1)
        wait_until(lambda: len(sink.taken()) == HISTORY, "the history", 20)
        self.done = {number for number, _ in self.promised}
        self.promised = {}
        sink.stop()
        relay.command("queue", "suspend", "dst.test")
        for batch in range(BATCHES):
            self._send(f"b{batch}", MESSAGES, 2)
            if batch < BATCHES - 1:
                self._end()
                self._serve()
        relay.command("queue", "resume", "dst.test", check=False)
        self._kill()
        shutil.copytree(self.data, relay.folder / "killed")
        self._serve()
        self._end()
        shutil.copytree(self.data, relay.folder / "stopped")

    def _send(self, name, count, recipients):
        with smtplib.SMTP("127.0.0.1", self.relay.port, timeout=20) as client:
            client.ehlo("client.test")
            for index in range(count):
                number = f"{name}-{index}"
                to = [f"r{ordinal}.{name}{index}@dst.test" for ordinal in range(recipients)]
                client.sendmail("a@src.test", to, make_message(number, random.Random(number).choice((600, 9_000, 60_000))))
                for recipient in to:
                    self.promised[number, recipient] = None

    def _serve(self):
        self.relay.start()
        return self._greets()

    def _greets(self, seconds=15):
        """True: it serves. False: it has ended. Neither within the time: it hangs."""
        def has_ended():
            return self.relay.process.poll() is not None

        def greets():
            try:
                with socket.create_connection(("127.0.0.1", self.relay.port), 1) as connection:
                    connection.settimeout(5)
                    return connection.recv(3) == b"220"
            except OSError:
                return False
        wait_until(lambda: has_ended() or greets(), "serving or ending", seconds)
        return not has_ended()

    def _end(self):
        children = pathlib.Path(f"/proc/{self.relay.process.pid}/task/{self.relay.process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        self.relay.process.wait(20)
        self.relay.process = None

    def _kill(self):
        self.relay.kill()

    # --- one seed

    def run(self, seed, keep=False):
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.relay.folder / ("killed" if seed % 3 == 0 else "stopped"), self.data)
        verdict = Verdict(seed, Damage(self.data, seed).do() + (" (after a kill)" if seed % 3 == 0 else ""))
        (self.relay.folder / "log").write_bytes(b"")
        folder = self.relay.folder / f"sink-{seed}"
        sink = Sink(self.relay.program, self.destination_port, folder)
        try:
            self._judge(verdict, sink)
        except (AssertionError, RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
            verdict.problems.append(f"{type(problem).__name__}: {problem}")
        finally:
            self._kill()
            sink.stop()
            if not keep:
                shutil.rmtree(folder)
        if verdict.problems:
            verdict.problems.append("log: " + self.relay.log_end()[-600:])
        return verdict

    def _command(self, verdict, *words):
        done = self.relay.command("--json", *words, check=False)
        if done.returncode < 0:
            verdict.problems.append(f"relevo {' '.join(words)} ended by signal {-done.returncode}")
        try:
            return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}
        except ValueError:
            verdict.problems.append(f"relevo {' '.join(words)} printed no JSON: {done.stdout[:200]}{done.stderr[:200]}")
            return done.returncode, {}

    def _judge(self, verdict, sink):
        code, examined = self._command(verdict, "doctor")
        found = code != 0
        missing_rows = False
        if not self._serve():
            said = self.relay.log_end()
            self.relay.process = None
            if "master key" in said and "backup" in said:
                verdict.outcome = "needs its master key"
                if not found:
                    verdict.problems.append("the doctor found nothing wrong with what does not start")
                return
            if "newer Relevo" in said and "swapped" in verdict.damage:   # the two databases, one for the other
                verdict.outcome = "refused as another's"
                return
            if "is damaged" not in said and "store repair" not in said:
                verdict.problems.append("refused without saying what is damaged")
            if not found:
                verdict.problems.append("the doctor found nothing wrong with what does not start")
            code, repaired = self._command(verdict, "store", "repair")
            if code != 0:
                verdict.outcome = "needs a backup"
                if "backup" not in json.dumps(repaired):
                    verdict.problems.append(f"a repair that is impossible names no way out: {json.dumps(repaired)[:300]}")
                return
            verdict.outcome = "repaired"
            missing_rows = any(table["problem"] for table in repaired.get("tables", []))
            if not self._serve():
                verdict.problems.append("does not start after the repair")
                return
        self._settle(verdict, sink, found, missing_rows)

    def _settle(self, verdict, sink, found, missing_rows):
        held = []

        def settled():
            entries = self.relay.answer("queue", "list", "--limit", "500")["entries"]
            held[:] = [entry for entry in entries if entry["state"] == "held"]
            return len(held) == len(entries)
        self.relay.command("queue", "resume", "dst.test", check=False)
        self.relay.command("queue", "retry", "--all", "--yes", check=False)
        wait_until(settled, "delivery of what is whole", DEADLINE)
        code, examined = self._command(verdict, "doctor")
        findings = examined.get("findings", [])
        named = {finding["subject"] for finding in findings}
        taken = sink.taken()
        arrived = collections.Counter((number, recipient) for number, recipient, _ in taken)
        verdict.problems += [f"{number} arrived with other content" for number, _, whole in taken if not whole]
        verdict.problems += [f"{place} was sent to nobody who was promised" for place in arrived
                             if place not in self.promised and place[0] not in self.done]
        verdict.problems += [f"{place} arrived {count} times" for place, count in arrived.items() if count > 1]
        waiting = {entry["recipient"] for entry in held}
        verdict.problems += [f"{entry['message']} is held and not named by the doctor" for entry in held
                             if entry["message"] not in named and "damaged page" not in (entry["last_reply"] or "")]
        lost = [place for place in self.promised if place not in arrived and place[1] not in waiting]
        said = self.relay.log_text()
        lost_with_log = "store.log_damaged" in said
        are_contents_there = "segment-" not in verdict.damage
        if lost and lost_with_log and are_contents_there and "store.mail_without_rows" not in said:
            verdict.problems.append("the ids of mail that was lost with the log are not listed")
        if lost and not missing_rows and not lost_with_log:
            verdict.problems.append(f"{len(lost)} recipients are gone without a word, such as {lost[0]}")
        if (held or lost) and not found:
            verdict.problems.append("the doctor found nothing beforehand")
        again = [place for place in arrived if place[0] in self.done]
        if again and not (missing_rows or lost_with_log or verdict.outcome == "repaired"):
            verdict.problems.append(f"delivered once more: {again[0]}")
        if lost_with_log and not verdict.outcome:
            verdict.outcome = "log damaged, losses told" if lost else "log damaged, nothing lost"
        verdict.outcome = verdict.outcome or ("held" if held else "found, all delivered" if found else "unharmed")
        if verdict.outcome == "repaired" and lost:
            verdict.outcome = "repaired, missing rows told"

    def close(self):
        self.relay.remove()


def run_seeds(seeds, keep=False, report=None):
    harness = Harness()
    verdicts = []
    try:
        for seed in seeds:
            verdicts.append(harness.run(seed, keep))
            if report:
                report(verdicts[-1])
    finally:
        if keep:
            print(f"kept: {harness.relay.folder}")
            harness.relay.kill()
        else:
            harness.close()
    return verdicts


def tell(verdict):
    print(f"seed {verdict.seed}: {verdict.damage}: {verdict.outcome}" + "".join(f"\n    {line}" for line in verdict.problems), flush=True)


def run_share(seeds):
    return run_seeds(seeds, report=tell)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    seeds = list(range(options.first, options.first + options.seeds))
    begin = time.monotonic()
    if options.jobs == 1:
        verdicts = run_seeds(seeds, options.keep, tell)
    else:
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            verdicts = sum(pool.map(run_share, [seeds[job::options.jobs] for job in range(options.jobs)]), [])
    bad = [verdict for verdict in verdicts if verdict.problems]
    print(json.dumps({"seeds": len(verdicts), "bad": len(bad), "seconds": round(time.monotonic() - begin),
                      "outcomes": collections.Counter(verdict.outcome for verdict in verdicts)}))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
