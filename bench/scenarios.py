"""The measurements. Each takes a started peer (or starts it itself where that is what is measured) and returns one
flat JSON object. Loader, relay and sink share the machine's processors."""
import json
import os
import socket
import subprocess
import time

import tools
import usage

SENDER = "bench@sender.test"
LOGIN = "bench:secret-of-the-bench"


def greets(port, timeout_seconds):
    """Seconds until something says 220."""
    begin = time.monotonic()
    while time.monotonic() - begin < timeout_seconds:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.settimeout(5)
                if connection.recv(4).startswith(b"220"):
                    return time.monotonic() - begin
        except OSError:
            pass
        time.sleep(0.005)
    raise SystemExit(f"nothing greets on port {port} after {timeout_seconds} s")


def burst(peer, messages, size=10240, sessions=20, warm_up=200, rate=None, **load_options):
    """Accepts and delivers a number of messages, as fast as it goes or at `rate` messages a second (P1, P3, P4, P6)."""
    sink = tools.Sink(peer.sink_port)
    options = dict(conns=sessions, size=size, **{"from": SENDER}, **load_options)
    tools.load(peer.port, messages=warm_up, first_seq=100_000_000, **options)
    sink.wait_for(warm_up)
    time.sleep(0.5)
    peak = usage.Peak(peer.relay)
    relay_before, sink_before, machine_before = peer.relay.cpu_seconds(), sink.cpu_seconds(), usage.Machine()
    begin = time.monotonic()
    loaded = tools.load(peer.port, messages=messages, rate=rate, **options)
    counts = sink.wait_for(warm_up + loaded["sent"])
    delivered_seconds = counts["last_ns"] / 1e9 - begin
    time.sleep(0.5)  # cleaning up after the last message is part of its price
    machine = usage.Machine()
    relay_cpu = peer.relay.cpu_seconds() - relay_before
    tools_cpu = sink.cpu_seconds() - sink_before + loaded["cpu_s"]
    busy, seconds = machine.since(machine_before)
    delivered = counts["messages"] - warm_up
    result = {
        "peer": peer.name, "messages": messages, "size": size, "sessions": sessions, "rate": rate,
        "accepted": loaded["sent"], "failed": loaded["failed"], "first_error": loaded["first_error"],
        "accepted_per_s": loaded["rate"], "delivered_per_s": delivered / delivered_seconds,
        "cpu_ms": relay_cpu / max(1, delivered) * 1000, "tools_cpu_ms": tools_cpu / max(1, delivered) * 1000,
        "p50_ms": loaded["accept_ms"]["p50"], "p99_ms": loaded["accept_ms"]["p99"], "max_ms": loaded["accept_ms"]["max"],
        "flushes": (machine.flushes - machine_before.flushes) / max(1, delivered),
        "peak_mib": peak.stop() / 2**20, "delivery_p99_ms": sink.latency_ms().get("p99"),
        "lost": loaded["sent"] + warm_up - counts["unique"], "duplicates": counts["duplicates"],
        "unsigned": counts["messages"] - counts["signed"],
        "other_percent": max(0.0, 100 * (busy - (relay_cpu + tools_cpu) / (seconds * usage.PROCESSORS))),
    }
    sink.stop()
    return result


def handshakes(peer, messages, sessions=20):
    """Every message on its own connection with STARTTLS and AUTH (P5)."""
    # A relay may be wary of many first logins at once: one goes before.
    tools.load(peer.port, messages=0, conns=1, idle=1, hold=0.5, tls="starttls", auth=LOGIN)
    return burst(peer, messages, size=2048, sessions=sessions, warm_up=20, per_conn=1, tls="starttls", auth=LOGIN,
                 threads=usage.PROCESSORS)


def machine_handshakes(peer):
    """Full TLS 1.3 handshakes a second in memory, both sides, on all processors, with the relay's own certificate."""
    files = [f"{peer.folder}/data/self-signed.{ending}" for ending in ("pem", "key")]
    out = subprocess.run([tools.PROGRAMS + "/handshakes", *files], stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(out)


def idle(peer, connections, tls="none"):
    """Memory of connections that have said EHLO and now wait (P7), and whether mail still passes."""
    sink = tools.Sink(peer.sink_port)
    tools.load(peer.port, messages=20, conns=20, tls=tls, **{"from": SENDER})  # what is allocated once
    before = peer.relay.memory()
    waiting = tools.IdleLoad(peer.port, connections, tls=tls)
    held = waiting.wait_for(connections)
    time.sleep(1)
    after = peer.relay.memory()
    loaded = tools.load(peer.port, messages=20, conns=1, size=2048, first_seq=1000, tls=tls, **{"from": SENDER})
    waiting.stop()
    sink.stop()
    return {"peer": peer.name, "tls": tls, "connections": connections, "held": held, "still_accepts": loaded["sent"] == 20,
            "kib_each": (after["rss"] - before["rss"]) / 1024 / max(1, held), "rss_mib": after["rss"] / 2**20,
            "loader": waiting.last_line}


def waiting_queue(peer, recipients, per_message=1000, domains=5000):
    """Memory of recipients that wait for a dead destination, and the time of a start with them (P8, P9, R24).

    Nothing listens on the sink's port. New mail for fresh.test has a destination of its own, which works.
    """
    peer.start()
    empty = peer.relay.memory()["rss"]
    begin = time.monotonic()
    if recipients:
        messages = recipients // per_message
        loaded = tools.load(peer.port, timeout_seconds=1800, messages=messages, conns=min(20, messages), size=2048,
                            recipients=per_message, domains=domains, **{"from": SENDER})
        if loaded["sent"] != messages:
            raise SystemExit(f"the queue could not be filled: {loaded['first_error']}")
    filled = time.monotonic() - begin
    queued = peer.relay.memory()["rss"]
    counts = json.loads(peer.verb("queued", peer.folder))["queue"]
    if counts["waiting"] + counts["active"] != recipients:
        raise SystemExit(f"{recipients} recipients were sent, {counts} are in the queue")
    peer.stop()
    return {"peer": peer.name, "recipients": recipients, "fill_seconds": filled, "rss_empty_mib": empty / 2**20,
            "rss_filled_mib": queued / 2**20, "octets_each_filled": (queued - empty) / max(1, recipients),
            **_restart(peer, empty, recipients)}


def _restart(peer, empty, recipients):
    sink = tools.Sink(peer.fresh_port)
    begin = time.monotonic()
    launch = subprocess.Popen([peer.script, "start", peer.folder, str(peer.port), str(peer.sink_port)],
                              env=peer.environment, stdout=subprocess.DEVNULL)
    ready = greets(peer.port, 120)
    tools.load(peer.port, messages=1, conns=1, to_domain="fresh.test", **{"from": SENDER})
    first = sink.wait_for(1, stall_seconds=60)["first_ns"] / 1e9 - begin
    launch.wait()
    time.sleep(5)
    cpu, at = peer.relay.cpu_seconds(), time.monotonic()
    time.sleep(5)
    idle_cpu = (peer.relay.cpu_seconds() - cpu) / (time.monotonic() - at)
    waiting = peer.relay.memory()["rss"]
    sink.stop()
    return {"seconds_to_220": ready, "seconds_to_first_delivery": first, "rss_waiting_mib": waiting / 2**20,
            "idle_cpu_percent": 100 * idle_cpu,
            "octets_each": (waiting - empty) / recipients if recipients else None}


def free_ports(count):
    """Ports that nothing uses, below those that the kernel gives to clients."""
    found, port = [], 17000 + os.getpid() % 2000
    while len(found) < count:
        port += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
    return found
