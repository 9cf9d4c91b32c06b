"""Postfix with the sites of bench/engine: the same mail, the same destinations, as a peer of its drain and its mixed load."""
import os
import subprocess

import scenarios
import tools
import usage


class PostfixWorld:
    """The interface of engine's World. Where a domain's mail goes is in a table, which spares Postfix all look-ups in the DNS;
    messages that wait are deferred ones, which a flush makes due."""

    name = "postfix"

    def __init__(self, folder, addresses):
        self.folder, self.addresses = folder, addresses
        self.port, self.good_port = scenarios.free_ports(2)
        self.settings = os.path.join(folder, "etc")
        self.environment = dict(os.environ, CGNAME=self.name)

    def _script(self, *arguments):
        subprocess.run([f"{tools.HERE}/peers/postfix.sh", *arguments], check=True, stdout=subprocess.DEVNULL, env=self.environment)

    def _set(self, *settings):
        subprocess.run(["postconf", "-c", self.settings, "-e", *settings], check=True)
        subprocess.run(["postfix", "-c", self.settings, "reload"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def set_up(self, drained):
        self._script("start", self.folder, str(self.port), str(self.good_port))
        self.relay = usage.Relay(self.name)
        table = os.path.join(self.settings, "transport")
        with open(table, "w") as file:
            file.writelines(f"{domain} smtp:[{address}]:{self.good_port}\n" for domain, address in self.addresses.items())
        # postqueue wants it to be there.
        subprocess.run(["postconf", "-c", self.settings, "-M", "pickup/unix=pickup unix n - n 60 1 pickup"], check=True)
        # As many connections as Relevo makes by default: 20 for a site, 500 in all.
        self._set(f"transport_maps = texthash:{table}", "relayhost =", "default_process_limit = 500",
                  "smtp_destination_concurrency_limit = 20", "initial_destination_concurrency = 20",
                  f"defer_transports = {'smtp' if drained else ''}")

    def set_drained(self, drained):
        self._set(f"defer_transports = {'smtp' if drained else ''}")
        if not drained:
            subprocess.run(["postqueue", "-c", self.settings, "-f"], check=True)

    def stop(self):
        self._script("stop", self.folder)
