"""Starts the load generator and the counting sink, and reads what they count."""
import atexit
import json
import os
import re
import struct
import subprocess
import tempfile
import threading
import time

import usage

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.environ.get("BENCH_BIN", os.path.join(HERE, "..", "build", "bench"))
# The first words of the sink's shared file, in its order.
WORDS = ("magic delay_ms messages octets unique duplicates without_id connections connections_now connections_peak "
         "deferred first_ns last_ns tls tls_resumed signed").split()
HISTOGRAM_WORD, HISTOGRAM_LENGTH = 31, 512
READY = 0x52454C45564F0001
started = []


@atexit.register
def end_all():
    for process in started:
        if process.poll() is None:
            process.kill()


def start(command, **options):
    process = subprocess.Popen(command, **options)
    started.append(process)
    return process


class Sink:
    """Takes every message at once and counts: loss, duplicates, time from the loader to here."""

    def __init__(self, port):
        self.path = tempfile.mktemp(prefix="relevo-bench-sink.", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.process = start([PROGRAMS + "/sink", "--listen", f"127.0.0.1:{port}", "--stats", self.path, "--life", "3600"])
        size = (HISTOGRAM_WORD + HISTOGRAM_LENGTH) * 8
        deadline = time.monotonic() + 5
        while not (os.path.exists(self.path) and os.path.getsize(self.path) >= size and self.count("magic") == READY):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the sink did not start on port {port}")
            time.sleep(0.01)

    def counts(self):
        with open(self.path, "rb") as file:
            return dict(zip(WORDS, struct.unpack(f"<{len(WORDS)}Q", file.read(8 * len(WORDS)))))

    def count(self, word):
        return self.counts()[word]

    def wait_for(self, messages, stall_seconds=20, timeout_seconds=300):
        """Until so many have come, or none has come for a while."""
        end, last, moved = time.monotonic() + timeout_seconds, -1, time.monotonic()
        while (now := self.count("messages")) < messages and time.monotonic() < end:
            if now != last:
                last, moved = now, time.monotonic()
            elif time.monotonic() - moved > stall_seconds:
                break
            time.sleep(0.02)
        return self.counts()

    def latency_ms(self):
        with open(self.path, "rb") as file:
            file.seek(HISTOGRAM_WORD * 8)
            buckets = struct.unpack(f"<{HISTOGRAM_LENGTH}Q", file.read(HISTOGRAM_LENGTH * 8))
        result, total = {}, sum(buckets)
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            seen = 0
            for bucket, count in enumerate(buckets):
                seen += count
                if total and seen >= share * total:
                    result[name] = round(2 ** ((bucket + 0.5) / 16) / 1000, 1)
                    break
        return result

    def cpu_seconds(self):
        fields = usage.text(f"/proc/{self.process.pid}/stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / usage.TICKS

    def stop(self):
        self.process.terminate()
        self.process.wait()
        os.unlink(self.path)


def load(port, timeout_seconds=300, **options):
    """Runs the loader; options are its own (messages=1000, tls="starttls", …). Its JSON, with `cpu_s` of its own."""
    command = [PROGRAMS + "/loader", "--target", f"127.0.0.1:{port}", "--timeout", str(timeout_seconds)]
    for name, value in options.items():
        if value is True:
            command.append("--" + name.replace("_", "-"))
        elif value not in (None, False):
            command += ["--" + name.replace("_", "-"), str(value)]
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, errors = process.communicate(timeout=timeout_seconds + 30)
    try:
        return json.loads(out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise SystemExit(f"the loader failed: {errors.strip()[-300:]}") from None


class IdleLoad:
    """Connections that say EHLO and then nothing."""

    def __init__(self, port, connections, hold_seconds=60, **options):
        command = [PROGRAMS + "/loader", "--target", f"127.0.0.1:{port}", "--idle", str(connections),
                   "--hold", str(hold_seconds), "--open-rate", "2000", "--source-ips", str(connections // 20000 + 1)]
        for name, value in options.items():
            command += ["--" + name, str(value)]
        self.process = start(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.held, self.last_line = 0, ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.last_line = line.strip()
            if match := re.match(r"idle_open=(\d+)", line):
                self.held = int(match[1])

    def wait_for(self, connections, timeout_seconds=60):
        end = time.monotonic() + timeout_seconds
        while self.held < connections and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.1)
        return self.held

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Peer:
    """One of the relays under test: peers/NAME.sh with a private folder."""

    def __init__(self, name, folder, port, sink_port, signing=None, **environment):
        """`signing`: None, "rsa" or "both" (RSA and Ed25519)."""
        self.name, self.folder, self.port, self.sink_port = name, os.path.join(folder, name), port, sink_port
        self.signing = signing
        if signing:
            environment["SIGN"] = signing
        self.environment = dict(os.environ, **environment)
        self.script = f"{HERE}/peers/{name}.sh"

    def verb(self, verb, *arguments):
        return subprocess.run([self.script, verb, *arguments], env=self.environment, timeout=180,
                              stdout=subprocess.PIPE, text=True, check=verb != "stop").stdout.strip()

    def start(self):
        # Its processes keep the pipe's other end if they inherit it: output goes to their own files.
        subprocess.run([self.script, "start", self.folder, str(self.port), str(self.sink_port),
                        *(["dkim"] if self.signing else [])], env=self.environment, timeout=180, stdout=subprocess.DEVNULL,
                       check=True)
        self.relay = usage.Relay(self.name)

    def stop(self):
        self.verb("stop", self.folder)

    def version(self):
        return self.verb("version")

    def kill(self):
        for process in self.relay.processes():
            os.kill(process, 9)
        while self.relay.processes():
            time.sleep(0.02)

    def remove(self):
        subprocess.run(["rm", "-rf", self.folder], check=True)
