"""Addresses and ports on loopback that belong to one test process, and waiting for conditions."""

import os
import random
import socket
import subprocess
import time

# Tests may run at the same time as others: each process takes a block of loopback addresses of its own.
_chance = random.Random(os.urandom(8))
BLOCK = f"127.{_chance.randint(16, 250)}.{_chance.randint(1, 250)}"


def address(number: int) -> str:
    """The n-th loopback address of this process, 1..254."""
    return f"{BLOCK}.{number}"


def free_port(*hosts: str) -> int:
    """A TCP port that is free on all `hosts`, given only once, of all processes that ask here; below the range from which the
    system takes client ports."""
    for _ in range(200):
        port = _chance.randint(10240, 32000)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0relevo-test-port-{port}")
            for host in hosts or ("127.0.0.1",):
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                with socket.socket(family, socket.SOCK_STREAM) as probe:
                    probe.bind((host, port))
        except OSError:
            claim.close()
            continue
        claim.detach()  # kept as long as this process lives, whoever binds the port itself, and when
        return port
    raise RuntimeError("no free port found")


def may_listen(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


def wait_until(condition, what: str, seconds: float = 10.0, pause: float = 0.02):
    """Calls `condition` until it returns something true, which is returned. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def wait_for_greeting(host: str, port: int, alive, seconds: float = 20.0) -> None:
    """Until an SMTP server greets. `alive()` tells whether its process still runs."""

    def greets():
        if not alive():
            raise AssertionError(f"the server at {host}:{port} ended before it greeted")
        try:
            with socket.create_connection((host, port), timeout=2) as client:
                return client.recv(3) == b"220"
        except OSError:
            return False

    wait_until(greets, f"greeting of {host}:{port}", seconds, 0.05)


def stop_process(process: subprocess.Popen, seconds: float = 10.0) -> int:
    """TERM, then KILL if that takes too long. Returns the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
    return process.returncode
