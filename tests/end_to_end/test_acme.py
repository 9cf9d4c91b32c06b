"""Certificates without buying any: ordered from a real authority (pebble), in force without a restart, renewed under load."""

import base64
import datetime
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.changing_zone import ChangingZone, encode_text  # noqa: E402
from harness.pebble import Pebble  # noqa: E402
from harness.renewal_proxy import RenewalProxy, window  # noqa: E402

HOST = "mail.relevo.test"


class AcmeTestCase(RelevoTestCase):
    challenge = "http-01"
    external_account: tuple[str, str] | None = None
    acme: dict = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.plain_port, cls.tls_port, cls.metrics_port = (loopback.free_port() for _ in range(3))
        super().setUpClass()

    @classmethod
    def class_settings(cls) -> dict:
        cls.pebble = Pebble(cls.folder / "pebble", http_port=cls.plain_port, tls_port=cls.tls_port,
                            external_account=cls.external_account)
        cls.addClassCleanup(cls.pebble.stop)
        return {**cls.settings, "metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]},
                "http": [{"address": [f"127.0.0.1:{cls.plain_port}"], "tls": False, "api": False, "console": False},
                         {"address": [f"127.0.0.1:{cls.tls_port}"]}],
                "acme": {"enabled": True, "directory": cls.pebble.directory, "trust_file": cls.pebble.trust_file,
                         "challenge": cls.challenge, "contact": ["postmaster@relevo.test"], **cls.acme}}

    # --- what clients see

    def context(self) -> ssl.SSLContext:
        """Trusts the authority's certificates and nothing else."""
        return ssl.create_default_context(cadata=self.pebble.roots())

    def serial_by_starttls(self, context: ssl.SSLContext, name: str = HOST) -> str:
        """Of the certificate that a client with this trust gets, names and dates verified."""
        with self.relevo.converse() as session:
            session.hello()
            session.expect("STARTTLS", 220)
            session.socket = context.wrap_socket(session.socket, server_hostname=name)
            session._buffer = b""
            session.hello()
            return session.socket.getpeercert()["serialNumber"].lower()

    def serial_of_page(self, context: ssl.SSLContext, protocols: list[str] | None = None) -> str:
        context.set_alpn_protocols(protocols or ["http/1.1"])
        with socket.create_connection(("127.0.0.1", self.tls_port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=HOST) as session:
                return session.getpeercert()["serialNumber"].lower()

    def certificates(self) -> dict[str, dict]:
        return {row["name"]: row for row in self.relevo.control("certificate.list")["certificates"]}

    def wait_until_valid(self, name: str = HOST, other_than: str | None = None, seconds: float = 60) -> dict:
        def found():
            row = self.certificates().get(name)
            return row if row and row["state"] == "valid" and row["serial"] != other_than else None

        return loopback.wait_until(found, f"certificate of {name}", seconds, 0.1)

    def renewed(self, name: str = HOST) -> dict:
        before = self.certificates()[name]["serial"]
        self.relevo.control("certificate.renew", name=name)
        return self.wait_until_valid(name, other_than=before)


class IssuingTests:
    def test_1_the_certificate_is_in_force_everywhere_without_a_restart(self) -> None:
        self.wait_until_valid()
        issued = self.relevo.wait_for_log("acme.issued", name=HOST)
        self.assertIn("Pebble", issued["issuer"])
        [told] = loopback.wait_until(lambda: [one for one in self.relevo.ask("events", "--subject", f"certificate:{HOST}")["events"]
                                              if one["facts"]["serial"] == issued["serial"]], "the event")
        self.assertEqual((told["kind"], told["tenant"]), ("certificate.issued", None))
        self.assertEqual(self.serial_by_starttls(self.context()), issued["serial"])
        self.assertEqual(self.serial_of_page(self.context()), self.serial_by_starttls(self.context()))
        with self.relevo.converse("implicit", context=self.context()) as session:
            self.assertEqual(session.greeting.code, 220)

    def test_2_a_restart_keeps_it_and_orders_nothing(self) -> None:
        row = self.wait_until_valid()
        orders = len(self.relevo.log_entries("acme.ordering"))
        self.relevo.restart()
        self.assertEqual(self.serial_by_starttls(self.context()), row["serial"])
        self.assertEqual(self.wait_until_valid()["serial"], row["serial"])
        self.assertEqual(len(self.relevo.log_entries("acme.ordering")), orders)

    def test_3_a_renewal_changes_the_certificate_and_keeps_the_key(self) -> None:
        before = self.wait_until_valid()
        folder = pathlib.Path(self.relevo.settings["server"]["data_dir"]) / "acme"
        key = (folder / f"{HOST}.key").read_text()
        after = self.renewed()
        self.assertNotEqual(before["serial"], after["serial"])
        self.assertEqual(self.serial_by_starttls(self.context()), after["serial"])
        self.assertEqual((folder / f"{HOST}.key").read_text(), key)


class TestHttp(IssuingTests, AcmeTestCase):
    """http-01 (RFC 8555 §8.3), most of pebble's nonces being refused once (RFC 8555 §6.5)."""

    def test_4_keys_are_for_the_user_of_relevo_alone_and_in_no_log(self) -> None:  # security rows E12, E15
        self.wait_until_valid()
        folder = pathlib.Path(self.relevo.settings["server"]["data_dir"]) / "acme"
        keys = list(folder.glob("*.key"))
        self.assertEqual({path.name for path in keys}, {"account.key", f"{HOST}.key"})
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        log = self.relevo.log_text()
        for path in keys:
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            for line in path.read_text().splitlines()[1:-1]:
                self.assertNotIn(line, log)

    def test_5_a_token_that_nobody_waits_for_is_not_answered(self) -> None:
        for path in ("/.well-known/acme-challenge/nothing", "/.well-known/acme-challenge/../../account.key"):
            with socket.create_connection(("127.0.0.1", self.plain_port), timeout=10) as client:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                self.assertIn(b" 404 ", client.makefile("rb").readline())

    def test_6_the_command_shows_and_renews(self) -> None:
        row = self.wait_until_valid()
        page = self.relevo.run("certificate", "list").output
        self.assertIn(HOST, page)
        self.assertIn("valid", page)
        self.assertIn("Ordering: " + HOST, self.relevo.run("certificate", "renew", HOST).output)
        self.wait_until_valid(other_than=row["serial"])
        refused = self.relevo.run("certificate", "renew", "other.relevo.test", code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("none of the names that get a certificate", refused.errors)

    def test_7_the_metrics_tell_when_it_ends(self) -> None:
        row = self.wait_until_valid()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as page:
            lines = dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#"))
        end = datetime.datetime.fromisoformat(row["expires_at"].replace("Z", "+00:00")).timestamp()
        self.assertAlmostEqual(float(lines["relevo_acme_earliest_expiry_timestamp_seconds"]), end, delta=1)
        self.assertEqual(float(lines["relevo_acme_names_without_certificate"]), 0)
        self.assertGreaterEqual(float(lines['relevo_acme_orders_total{result="issued"}']), 1)

    def test_8_a_tracking_host_that_is_added_gets_a_certificate_of_its_own(self) -> None:  # requirement U13
        self.relevo.configure({"acme": {"names": [HOST, "links.relevo.test"]}})
        self.relevo.control("server.reload")
        row = self.wait_until_valid("links.relevo.test")
        self.assertEqual(self.serial_by_starttls(self.context(), "links.relevo.test"), row["serial"])
        self.assertNotEqual(self.serial_by_starttls(self.context()), row["serial"])

    def test_9_renewals_under_load_drop_no_connection(self) -> None:
        self.wait_until_valid()
        sink = self.sink()
        context, failures, sent = self.context(), [], []
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                try:
                    with self.relevo.log_in(context=context) as session:
                        for _ in range(3):
                            reply = session.submit("ana@customer.test", "bob@destination.test", mail.message())
                            sent.append(reply.code)
                except Exception as error:  # noqa: BLE001: whatever it is, a client would have seen it
                    failures.append(repr(error))

        with self.relevo.log_in(context=context) as old:  # from before the first renewal to after the last
            first = old.socket.getpeercert()["serialNumber"].lower()
            threads = [threading.Thread(target=send) for _ in range(4)]
            for thread in threads:
                thread.start()
            serials = [self.renewed()["serial"] for _ in range(3)]
            self.assertEqual(self.serial_by_starttls(context), serials[-1])
            stop.set()
            for thread in threads:
                thread.join(30)
            self.assertEqual(old.submit("ana@customer.test", "bob@destination.test", mail.message()).code, 250)
        self.assertEqual(failures, [])
        self.assertEqual(set(sent), {250})
        self.assertEqual(len({first, *serials}), 4)
        sink.wait_for(len(sent) + 1, 60)


class TestTls(IssuingTests, AcmeTestCase):
    """tls-alpn-01 (RFC 8737)."""
    challenge = "tls-alpn-01"

    def test_4_without_a_challenge_the_protocol_is_refused(self) -> None:
        self.wait_until_valid()
        with self.assertRaises(ssl.SSLError):
            self.serial_of_page(self.context(), ["acme-tls/1"])
        self.serial_of_page(self.context(), ["h2", "http/1.1"])   # as browsers offer


class TestDns(IssuingTests, AcmeTestCase):
    """dns-01 (RFC 8555 §8.4) by a hook, the authority wanting an external account (§7.3.4)."""
    challenge = "dns-01"
    external_account = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")

    @classmethod
    def class_settings(cls) -> dict:
        settings = super().class_settings()
        key = cls.folder / "eab.key"
        key.write_text(cls.external_account[1] + "\n")
        settings["acme"].update({"hook": cls.pebble.write_hook(cls.folder / "hook"), "dns_wait": "0s",
                                 "eab_key_id": cls.external_account[0], "eab_key_file": str(key)})
        return settings

    def test_4_the_hook_removes_what_it_has_set(self) -> None:
        self.wait_until_valid()

        def calls():
            lines = [line.split() for line in pathlib.Path(str(self.folder / "hook") + ".calls").read_text().splitlines()]
            return lines if len(lines) % 2 == 0 else None

        for added, removed in zip(*[iter(loopback.wait_until(calls, "the hook was called twice"))] * 2):
            self.assertEqual((added[0], removed[0]), ("add", "remove"))
            self.assertEqual(added[1:], removed[1:])
            self.assertEqual(added[1], f"_acme-challenge.{HOST}")

    def test_5_a_hook_that_fails_is_told_with_what_it_said(self) -> None:
        broken = self.folder / "broken"
        broken.write_text("#!/bin/sh\necho 'no rights at the DNS provider' >&2\nexit 3\n")
        broken.chmod(0o755)
        good = self.relevo.settings["acme"]["hook"]
        # A name of its own: now and then pebble takes an earlier proof of a known one, and then no hook is asked (with
        # PEBBLE_AUTHZREUSE=0, too: it draws one of a hundred numbers and compares with ">").
        name = "other.relevo.test"
        self.relevo.configure({"acme": {"hook": str(broken), "names": [HOST, name]}})
        self.relevo.control("server.reload")
        failed = self.relevo.wait_for_log("acme.failed", 30, name=name)
        self.assertIn("ended with status 3 and said: no rights at the DNS provider", failed["problem"])
        self.relevo.configure({"acme": {"hook": good}})
        self.relevo.control("server.reload")
        self.relevo.control("certificate.renew", name=name)
        self.wait_until_valid(name)


class TestNameServers(AcmeTestCase):
    """dns-01 at a zone with two name servers that do not get a record at the same moment."""
    challenge = "dns-01"
    records = ("relevo.test. NS ns1.relevo.test.", "relevo.test. NS ns2.relevo.test.", "ns1.relevo.test. A {block}.53",
               "ns2.relevo.test. A {block}.54", "acme.test. NS ns.acme.test.", "ns.acme.test. A {block}.54")

    @classmethod
    def class_settings(cls) -> dict:
        cls.first = ChangingZone(loopback.address(53), authoritative=True)
        cls.addClassCleanup(cls.first.stop)
        cls.second = ChangingZone(loopback.address(54), cls.first.port, authoritative=True)
        cls.addClassCleanup(cls.second.stop)
        for server in (cls.first, cls.second):
            server.add("relevo.test", "TXT", encode_text([b"the zone is there"]))
        settings = super().class_settings()
        settings["acme"].update({"hook": cls.pebble.write_hook(cls.folder / "hook"), "dns_wait": "60s", "names": ["early.relevo.test"]})
        return {**settings, "dns": {"authority_port": cls.first.port}, "delivery": {"allow_private_addresses": True}}

    def order(self, name: str, dns_wait: str = "60s") -> None:
        """A name of its own for each test: pebble may take an earlier proof."""
        self.relevo.configure({"acme": {"names": [name], "dns_wait": dns_wait}})
        self.relevo.control("server.reload")

    def value_of(self, name: str) -> bytes:
        """What the hook was asked to set."""

        def found():
            calls = pathlib.Path(str(self.folder / "hook") + ".calls")
            lines = [line.split() for line in calls.read_text().splitlines()] if calls.exists() else []
            return next((line[2] for line in lines if line[:2] == ["add", f"_acme-challenge.{name}"]), None)

        return encode_text([loopback.wait_until(found, "the hook was called").encode()])

    @staticmethod
    def wait_until_asked(server: ChangingZone, name: str, more_than: int = 0) -> int:
        return loopback.wait_until(lambda: (count := server.asked.count((f"_acme-challenge.{name}", "TXT"))) > more_than and count,
                                   "the name server is asked", 30)

    def test_1_the_authority_is_told_when_the_last_server_has_the_record(self) -> None:  # RFC 8555 §8.4
        name = "early.relevo.test"
        value = self.value_of(name)
        self.first.add(f"_acme-challenge.{name}", "TXT", value)
        asked = self.wait_until_asked(self.second, name)
        self.wait_until_asked(self.second, name, asked)
        self.assertFalse(self.pebble.was_asked_for(f"_acme-challenge.{name}"))
        self.assertNotEqual(self.certificates()[name]["state"], "valid")
        self.second.add(f"_acme-challenge.{name}", "TXT", value)
        self.wait_until_valid(name)
        self.assertTrue(self.pebble.was_asked_for(f"_acme-challenge.{name}"))

    def test_2_the_server_that_has_not_got_it_is_named_and_the_authority_is_not_asked(self) -> None:
        name = "late.relevo.test"
        self.order(name, dns_wait="3s")
        self.first.add(f"_acme-challenge.{name}", "TXT", self.value_of(name))
        failed = self.relevo.wait_for_log("acme.failed", 30, name=name)
        self.assertIn(f"3 s after acme.hook set it, the TXT record _acme-challenge.{name} is not at ns2.relevo.test", failed["problem"])
        self.assertNotIn("ns1.relevo.test", failed["problem"])
        self.assertFalse(self.pebble.was_asked_for(f"_acme-challenge.{name}"))

    def test_3_an_alias_is_followed_into_its_zone(self) -> None:
        name, target = "alias.relevo.test", "alias.acme.test"
        for server in (self.first, self.second):
            server.add(f"_acme-challenge.{name}", "CNAME", target.encode())
        self.order(name)
        self.second.add(target, "TXT", self.value_of(name))
        self.wait_until_valid(name)
        self.assertIn((target, "TXT"), self.second.asked)
        self.assertNotIn((target, "TXT"), self.first.asked)

    def test_4_a_server_that_is_down_is_told_and_the_authority_decides(self) -> None:
        name = "down.relevo.test"
        self.second.faults.add((f"_acme-challenge.{name}", "TXT"))
        self.order(name, dns_wait="2s")
        self.first.add(f"_acme-challenge.{name}", "TXT", self.value_of(name))
        self.wait_until_valid(name)
        told = self.relevo.wait_for_log("acme.servers_silent", name=f"_acme-challenge.{name}")
        self.assertIn("ns2.relevo.test (", told["servers"])
        self.assertNotIn("ns1.relevo.test", told["servers"])


class TestRenewalInformation(AcmeTestCase):
    """An authority that says when certificates should be renewed (RFC 9773): the first at once, the next in some days."""

    @classmethod
    def class_settings(cls) -> dict:
        settings = super().class_settings()
        day = datetime.timedelta(days=1)
        cls.proxy = RenewalProxy(cls.pebble, [window(-2 * day, -day), {**window(3 * day, 4 * day), "explanationURL": "https://ca.test/why"}])
        cls.addClassCleanup(cls.proxy.stop)
        settings["acme"]["directory"] = cls.proxy.directory
        return settings

    def certificate_id(self) -> str:
        """RFC 9773 §4.1, by OpenSSL."""
        file = pathlib.Path(self.relevo.settings["server"]["data_dir"]) / "acme" / f"{HOST}.pem"
        shown = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-serial", "-ext", "authorityKeyIdentifier"], check=True,
                               capture_output=True, text=True).stdout
        serial = int(re.search(r"serial=([0-9A-F]+)", shown)[1], 16)
        key = bytes.fromhex(re.search(r"(?:[0-9A-F]{2}:){19}[0-9A-F]{2}", shown)[0].replace(":", ""))
        parts = (key, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    def test_1_it_is_renewed_when_the_authority_wishes_and_says_what_it_replaces(self) -> None:
        first = self.relevo.wait_for_log("acme.issued", 60, name=HOST)
        row = self.wait_until_valid(other_than=first["serial"])
        loopback.wait_until(lambda: len(self.proxy.asked) == 2, "the second certificate is asked about", 30)
        self.assertEqual(self.proxy.asked[1], self.certificate_id())
        self.assertEqual(self.proxy.replaced, [None, self.proxy.asked[0]])
        self.assertEqual(self.serial_by_starttls(self.context()), row["serial"])

    def test_2_the_list_shows_the_window_and_the_moment_lies_in_it(self) -> None:
        row = loopback.wait_until(lambda: (one := self.certificates()[HOST])["suggested"] and one, "the suggestion", 30)
        self.assertTrue(row["suggested"]["start"] <= row["due_at"] <= row["suggested"]["end"], row)
        page = self.relevo.run("certificate", "list").output
        self.assertIn(f"The authority suggests to renew {HOST} between", page)
        self.assertIn("see https://ca.test/why", page)

    def test_3_a_restart_keeps_the_moment_and_asks_nothing(self) -> None:
        row = loopback.wait_until(lambda: (one := self.certificates()[HOST])["suggested"] and one, "the suggestion", 30)
        orders = len(self.proxy.replaced)
        self.relevo.restart()
        again = self.wait_until_valid()
        self.assertEqual((again["due_at"], again["suggested"]), (row["due_at"], row["suggested"]))
        self.assertEqual(len(self.proxy.replaced), orders)


class TestFailures(AcmeTestCase):
    """An authority that cannot verify, that cannot be reached: clear texts, and mail goes on."""

    @classmethod
    def prepare(cls) -> None:
        # Nothing listens there: to the authority, port 80 is closed.
        cls.pebble.set_address(HOST, loopback.address(77))

    def test_1_a_closed_port_is_told_and_a_self_signed_certificate_serves_meanwhile(self) -> None:
        warning = self.relevo.wait_for_log("tls.self_signed")
        self.assertIn("until the authority has given a certificate", warning["problem"])
        failed = self.relevo.wait_for_log("acme.failed", 60, name=HOST)
        self.assertIn(f"port 80 of {HOST} does not reach this server", failed["problem"])
        self.assertIn("127.0.0.1 said: connection:", failed["problem"])
        self.assertEqual(self.certificates()[HOST]["problem"], failed["problem"])
        [told] = loopback.wait_until(lambda: self.relevo.ask("events", "--kind", "certificate.failed", "--limit", "1")["events"], "the event")
        self.assertEqual((told["subject"], told["facts"]["problem"]), (f"certificate:{HOST}", failed["problem"]))
        with self.relevo.log_in() as session:
            self.assertEqual(session.command("NOOP").code, 250)
        page = self.relevo.run("certificate", "list").output
        self.assertIn("missing", page)
        self.assertIn("port 80", page)

    def test_2_it_is_not_tried_again_at_once_not_even_after_a_restart(self) -> None:
        self.relevo.wait_for_log("acme.failed", 60, name=HOST)
        tried = len(self.relevo.log_entries("acme.ordering"))
        self.relevo.restart()
        row = loopback.wait_until(lambda: self.certificates().get(HOST), "the name is known again")
        self.assertEqual(row["failures"], 1)
        self.assertEqual(len(self.relevo.log_entries("acme.ordering")), tried)

    def test_3_once_the_name_leads_here_a_renewal_by_hand_gets_it(self) -> None:
        self.relevo.wait_for_log("acme.failed", 60, name=HOST)
        self.pebble.set_address(HOST, "127.0.0.1")
        self.relevo.control("certificate.renew")
        row = self.wait_until_valid()
        self.assertIsNone(row["problem"])
        self.assertEqual(self.serial_by_starttls(self.context()), row["serial"])

    def test_4_an_authority_that_is_down_is_told_and_the_certificate_stays(self) -> None:
        row = self.certificates()[HOST]
        self.pebble.stop()
        self.relevo.control("certificate.renew", name=HOST)
        failed = self.relevo.wait_for_log("acme.failed", 60, problem="cannot be asked")
        self.assertIn("look at acme.directory", failed["problem"])
        self.assertEqual(self.certificates()[HOST]["serial"], row["serial"])

    def test_5_orders_per_hour_are_kept_to(self) -> None:
        self.relevo.configure({"acme": {"orders_per_hour": 1}})
        self.relevo.control("server.reload")
        refused = self.relevo.run("certificate", "renew", code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("acme.orders_per_hour (1) is reached", refused.errors)


if __name__ == "__main__":
    unittest.main()
