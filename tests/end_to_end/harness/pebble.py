"""An ACME authority of the test: Debian's pebble, and the DNS that it asks (pebble-challtestsrv)."""

import json
import os
import pathlib
import ssl
import subprocess
import urllib.request

from . import loopback
from .certificates import _run


class Pebble:
    """Listens on loopback. All names lead to 127.0.0.1; it validates on `http_port` and `tls_port`.

    `trust_file` is what a client trusts to talk to it. With `external_account` it wants (key id, key) first.
    """

    def __init__(self, folder: pathlib.Path, *, http_port: int, tls_port: int,
                 external_account: tuple[str, str] | None = None, bad_nonces: int = 5):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self.management_port = loopback.free_port(), loopback.free_port()
        self.dns_port, self.dns_management_port = loopback.free_port(), loopback.free_port()
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        certificate, key = str(folder / "pebble.pem"), str(folder / "pebble.key")
        _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "30", "-subj", "/CN=pebble", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
        self.trust_file = certificate
        settings = {"listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management_port}",
                    "certificate": certificate, "privateKey": key, "httpPort": http_port, "tlsPort": tls_port,
                    "ocspResponderURL": "", "externalAccountBindingRequired": external_account is not None}
        if external_account:
            settings["externalAccountMACKeys"] = {external_account[0]: external_account[1]}
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        self._processes: list[subprocess.Popen] = []
        self._start("pebble-challtestsrv", "-dns01", f"127.0.0.1:{self.dns_port}", "-management",
                    f"127.0.0.1:{self.dns_management_port}", "-http01", "", "-https01", "", "-tlsalpn01", "",
                    "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
        self._start("pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{self.dns_port}",
                    PEBBLE_VA_NOSLEEP="1", PEBBLE_AUTHZREUSE="0", PEBBLE_WFE_NONCEREJECT=str(bad_nonces))
        loopback.wait_until(lambda: not loopback.may_listen("127.0.0.1", self.port), "pebble listens", 20)
        loopback.wait_until(lambda: not loopback.may_listen("127.0.0.1", self.dns_management_port), "its DNS listens", 20)

    def _start(self, *command: str, **environment: str) -> None:
        with open(self.folder / f"{command[0]}.log", "ab") as log:
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    env={**os.environ, **environment}))

    def stop(self) -> None:
        for process in self._processes:
            loopback.stop_process(process)

    def log_text(self) -> str:
        return (self.folder / "pebble.log").read_text(errors="replace")

    def roots(self) -> str:
        """The certificate that all of its certificates lead to, in PEM."""
        context = ssl.create_default_context(cafile=self.trust_file)
        with urllib.request.urlopen(f"https://127.0.0.1:{self.management_port}/roots/0", context=context, timeout=10) as page:
            return page.read().decode()

    def set_address(self, name: str, address: str) -> None:
        """Where one name leads."""
        for page, body in (("clear-a", {}), ("add-a", {"addresses": [address]})):
            urllib.request.urlopen(f"http://127.0.0.1:{self.dns_management_port}/{page}",
                                   json.dumps({"host": name + ".", **body}).encode(), timeout=10).close()

    def was_asked_for(self, name: str) -> bool:
        """Whether the authority has looked for records of this name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.dns_management_port}/dns-request-history",
                                    json.dumps({"host": name}).encode(), timeout=10) as page:
            return bool(json.load(page))

    def write_hook(self, path: pathlib.Path) -> str:
        """A program for dns-01 that sets TXT records here, and notes how it was called beside itself."""
        path.write_text(f'''#!/usr/bin/env python3
import json, sys, urllib.request
action, name, value = sys.argv[1:]
with open(__file__ + ".calls", "a") as calls:
    print(action, name, value, file=calls)
body = {{"host": name + "."}} if action == "remove" else {{"host": name + ".", "value": value}}
page = "clear-txt" if action == "remove" else "set-txt"
urllib.request.urlopen(f"http://127.0.0.1:{self.dns_management_port}/{{page}}", json.dumps(body).encode(), timeout=10)
''')
        path.chmod(0o755)
        return str(path)
