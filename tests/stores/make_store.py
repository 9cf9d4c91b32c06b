#!/usr/bin/env python3
"""Makes tests/stores/VERSION with the newest build: a store, a backup of it, and what must be found in both (README.md)."""

import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "end_to_end"))

from harness import mail  # noqa: E402
from harness.relevo import PASSWORD, Relevo, binary  # noqa: E402


def pack(folder: pathlib.Path, archive: pathlib.Path) -> None:
    with tarfile.open(archive, "w:xz") as tar:
        for path in sorted(folder.iterdir()):
            if path.name not in ("lock", "attempts", "restoring"):
                tar.add(path, path.name)


def fill(server: Relevo) -> dict:
    server.add_tenant()
    server.add_credential()
    server.control("queue.suspend", destination="destination.test")
    server.control("suppression.add", tenant="customer", address="gone@destination.test")
    messages = []
    for number in range(3):
        content = mail.message(subject=f"kept {number}", body=f"line of message {number}\r\n" * (1 + 40 * number))
        identity = server.submit(content, [f"r{ordinal}@destination.test" for ordinal in range(number + 1)])
        messages.append({"id": identity, "message_id": mail.field(content, "Message-ID"), "recipients": number + 1, "state": "waiting"})
    server.control("queue.hold", id=messages[0]["id"], reason="for the test")
    messages[0]["state"] = "held"
    return {"tenant": "customer", "login": "ana", "password": PASSWORD, "suppressed": "gone@destination.test", "messages": messages}


def main() -> None:
    version = subprocess.run([binary(), "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    target = HERE / ".".join(version.split(".")[:2])
    if target.exists():
        sys.exit(f"{target} exists: a store is made once (remove it before its release only)")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-store-"))
    server = Relevo(folder=folder)
    try:
        server.start()
        expected = fill(server)
        server.run("backup", "create", str(folder / "backups"))
        server.stop()
        target.mkdir()
        pack(folder / "data", target / "store.tar.xz")
        pack(folder / "backups", target / "backup.tar.xz")
        (target / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    finally:
        server.kill()
        shutil.rmtree(folder)
    print(f"{target}: {sum(path.stat().st_size for path in target.iterdir())} octets")


if __name__ == "__main__":
    main()
