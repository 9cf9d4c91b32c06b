"""A domain is added, its records are printed, published and found: from all red to all green."""

import concurrent.futures
import pathlib
import shutil
import socket
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.name_server import NameServer  # noqa: E402
from harness.policy_server import PolicyServer  # noqa: E402
from harness.relevo import Relevo  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.zone_server import ZoneServer  # noqa: E402

EGRESS = "198.18.7.25"
DOMAIN = "customer.test"
LISTED = "127.0.0.10"


def by_check(items: list[dict]) -> dict[str, str]:
    """"dkim.record r1._domainkey…" → "ok"."""
    return {f"{item['id']} {item['subject']}".strip(): item["status"] for item in items}


class TestSetup(RelevoTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-setup-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.zone = ZoneServer(cls.folder / "nsd", DOMAIN, loopback.address(53))
        cls.addClassCleanup(cls.zone.stop)
        cls.mail_port = loopback.free_port(loopback.address(11))
        records = [
            f"mail.relevo.test. A {EGRESS}", "25.7.18.198.in-addr.arpa. PTR mail.relevo.test.",
            "big.test. MX 10 mx.big.test.", f"mx.big.test. A {loopback.address(11)}",
            "2.0.0.127.zen.spamhaus.org. A 127.0.0.2",
            "2.0.0.127.bl.spamcop.net. A 127.0.0.2", f"25.7.18.198.bl.spamcop.net. A {LISTED}",
            "2.0.0.127.b.barracudacentral.org. A 127.255.255.254",
            "dbltest.com.dbl.spamhaus.org. A 127.0.1.2", "org. NS ns.org.", f"ns.org. A {loopback.address(54)}",
            f"{DOMAIN}._report._dmarc.relevo.test. TXT \"v=DMARC1\"",
        ]
        cls.names = NameServer(cls.folder / "dns", records, zones={DOMAIN: cls.zone.address})
        cls.addClassCleanup(cls.names.stop)
        metrics = loopback.free_port()
        cls.metrics = f"http://127.0.0.1:{metrics}/metrics"
        cls.relevo = Relevo(dns=cls.names.address, mail_port=cls.mail_port, settings={
            "dns": {"authority_port": cls.zone.port},
            "metrics": {"address": [f"127.0.0.1:{metrics}"]},
            "signing": {"check_interval": "1s"},
            "domains": {"return_path": "bounces", "tracking": "links", "report_address": "reports@relevo.test"},
            "checks": {"interval": "2s", "egress_addresses": [EGRESS], "outbound_domains": ["big.test"],
                       "blocklists": ["zen.spamhaus.org", "bl.spamcop.net", "b.barracudacentral.org",
                                      "psbl.surriel.com", "dbl.spamhaus.org"]}})
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()
        cls.relevo.control("tenant.add", name="customer")

    def check(self, code: int) -> dict[str, str]:
        return by_check(self.relevo.ask("check", DOMAIN, code=code)["items"])

    def test_the_printed_zone_turns_every_check_green(self):
        added = self.relevo.run("domain", "add", DOMAIN, "--tenant", "customer").output
        self.assertIn("_relevo-challenge." + DOMAIN, added)
        self.assertIn("_domainkey." + DOMAIN, added)

        red = self.check(1)
        for check in ("ownership.record", "dkim.record", "spf.record", "mx.hosts"):
            self.assertIn("fail", [status for name, status in red.items() if name.startswith(check)], red)
        self.relevo.wait_for_log("domain.check_changed", check="dkim.record", status="fail")

        records = self.relevo.run("domain", "dns", DOMAIN, "--zone").output
        self.zone.publish(records + f"\n{DOMAIN}. 1 IN MX 10 mx.{DOMAIN}.\nmx.{DOMAIN}. 1 IN A 192.0.2.7\n")
        self.zone.check()

        green = self.check(0)
        self.assertNotIn("fail", green.values(), green)
        self.assertEqual([name for name, status in green.items() if status == "warn"], [f"dmarc.policy {DOMAIN}"])
        skipped = {name.split()[0] for name, status in green.items() if status == "skipped"}
        self.assertEqual(skipped, {"domain.dnssec", "dane.tlsa", "mta-sts.policy", "tls-rpt.policy"})
        self.assertEqual(green[f"spf.covers {DOMAIN} · {EGRESS}"], "ok")
        self.assertEqual(green["dmarc.reports reports@relevo.test"], "ok")

        # The running server sees the same by itself, tells it, and signs from now on.
        changed = self.relevo.wait_for_log("domain.check_changed", check="dkim.record", status="ok", before="fail")
        self.assertEqual(changed["domain"], DOMAIN)
        events = self.relevo.ask("events", "--subject", f"domain:{DOMAIN}")["events"]
        self.assertEqual({one["kind"] for one in events}, {"domain.status_changed"})
        self.assertIn(("dkim.record", "fail", "ok"), [(change["check"], change["before"], change["status"]) for one in events for change in one["facts"]["changes"]])
        self.assertIn(f"{DOMAIN} is", events[0]["text"])

        def all_well():
            text = urllib.request.urlopen(self.metrics, timeout=5).read().decode()
            return 'relevo_domain_checks{status="fail"} 0' in text and "relevo_domain_check_changes_total 0" not in text

        loopback.wait_until(all_well, "metrics of the checks")
        plan = self.relevo.ask("domain", "dns", DOMAIN)
        self.assertTrue(plan["complete"])
        commented = self.relevo.run("domain", "dns", DOMAIN, "--zone").output
        self.assertEqual([line for line in commented.splitlines() if line and not line.startswith(";")], [])

    def test_the_server_is_checked_from_outside_and_what_was_not_tried_is_named(self):
        sink = Sink(loopback.address(11), self.mail_port)
        self.addCleanup(sink.stop)
        items = {f"{item['id']} {item['subject']}".strip(): item for item in self.relevo.ask("check", code=1)["items"]}
        status = {name: item["status"] for name, item in items.items()}
        self.assertEqual(status[f"names.ptr {EGRESS}"], "ok")
        self.assertEqual(status[f"names.helo {EGRESS}"], "ok")
        self.assertEqual(status["ports.outbound big.test"], "ok", items["ports.outbound big.test"])
        self.assertEqual(status["dns.resolver"], "ok")
        self.assertEqual(status["dns.dnssec"], "warn")
        relaying = {name: value for name, value in status.items() if name.startswith("relaying.strangers")}
        self.assertEqual(set(relaying.values()), {"ok"}, relaying)
        self.assertEqual(len(relaying), 4)
        self.assertEqual(status[f"blocklist.address {EGRESS} · Spamhaus ZEN"], "ok")
        listed = items[f"blocklist.address {EGRESS} · SpamCop"]
        self.assertEqual(listed["status"], "fail")
        self.assertIn("https://www.spamcop.net/bl.shtml", listed["action"])
        self.assertEqual(status[f"blocklist.address {EGRESS} · PSBL"], "skipped")
        self.assertEqual(status[f"blocklist.address {EGRESS} · Barracuda"], "skipped")

    def test_a_listener_that_relays_for_its_own_machine_is_found(self):
        self.relevo.control("network.add", tenant="customer", network="127.0.0.0/8")
        self.addCleanup(self.relevo.control, "network.remove", network="127.0.0.0/8")
        self.relevo.control("domain.add", tenant="customer", domain="relay-check.invalid", trusted=True)
        self.addCleanup(self.relevo.control, "domain.remove", domain="relay-check.invalid")
        items = self.relevo.ask("check", code=1)["items"]
        relaying = {item["subject"].split()[0]: item["status"] for item in items if item["id"] == "relaying.strangers"}
        self.assertEqual(relaying["relay"], "fail", relaying)
        self.assertEqual(relaying["submission"], "ok", relaying)

    def test_people_read_it_in_their_language_at_100_columns(self):
        for language, words in (("es", "comprobaciones"), ("en", "checks")):
            page = self.relevo.run("check", "--language", language, code=None).output
            self.assertIn(words, page)
            for line in page.splitlines():
                self.assertLessEqual(len(line), 100, line)


class TestDeadDns(RelevoTestCase):
    """Servers that take every question and answer none."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.silent.bind(("127.0.0.1", 0))
        cls.addClassCleanup(cls.silent.close)
        cls.relevo = Relevo(dns=f"127.0.0.1@{cls.silent.getsockname()[1]}", settings={"checks": {"interval": "0s"}})
        cls.addClassCleanup(cls.relevo.close)
        cls.relevo.start()
        cls.relevo.add_tenant()

    def test_each_look_ends_well_before_its_client_gives_up_and_tells_what_it_saw(self):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            looks = [pool.submit(self.relevo.ask, *words, code=None) for words in
                     (("check",), ("check", "customer.test"), ("domain", "dns", "customer.test"))]
            server, domain, plan = (look.result() for look in looks)
        self.assertLess(time.monotonic() - began, 22)   # of the 30 s of docs/control-protocol.md
        relaying = [item["status"] for item in server["items"] if item["id"] == "relaying.strangers"]
        self.assertEqual(relaying, ["ok"] * 4, server)
        self.assertEqual([item["status"] for item in server["items"] if item["id"] == "dns.resolver"], ["fail"])
        self.assertNotIn("fail", {item["status"] for item in domain["items"]}, domain)
        self.assertEqual({record["status"] for record in plan["records"]}, {"unknown"}, plan)


@unittest.skipUnless(loopback.may_listen(loopback.address(57), 443), "needs port 443 of a loopback address")
class TestTransportPolicy(RelevoTestCase):
    """The policy is fetched from where senders fetch it."""

    destinations = {"customer.test": 12}
    records = ('_mta-sts.customer.test. 1 TXT "v=STSv1; id=7;"', "mta-sts.customer.test. 1 A {block}.57",
               '_smtp._tls.customer.test. 1 TXT "v=TLSRPTv1; rua=mailto:tls@customer.test"')
    settings = {"checks": {"interval": "0s", "blocklists": [], "egress_addresses": [EGRESS]}}

    @classmethod
    def prepare(cls) -> None:
        certificate, key = certificates.self_signed(cls.folder / "web", "mta-sts.customer.test")
        cls.relevo.environment["SSL_CERT_FILE"] = str(certificate)
        cls.web = PolicyServer(loopback.address(57), 443, str(certificate), str(key), b"")
        cls.addClassCleanup(cls.web.stop)

    def policy(self, mode: str, host: str) -> dict:
        self.web.body = f"version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 604800\n".encode()
        items = self.relevo.ask("check", DOMAIN, code=None)["items"]
        self.assertEqual(next(item["status"] for item in items if item["id"] == "tls-rpt.policy"), "ok")
        return next(item for item in items if item["id"] == "mta-sts.policy")

    def test_a_policy_is_held_against_the_mail_servers(self):   # RFC 8461 §4.1
        good = self.policy("enforce", "*.customer.test")
        self.assertEqual(good["status"], "ok", good)
        self.assertIn("mode enforce", good["found"])
        self.assertEqual(self.web.asked, ("mta-sts.customer.test", "/.well-known/mta-sts.txt"))
        for mode, status in (("testing", "warn"), ("enforce", "fail")):
            left_out = self.policy(mode, "mx.elsewhere.test")
            self.assertEqual(left_out["status"], status, left_out)
            self.assertIn("does not name mx.customer.test", left_out["found"])
            self.assertIn("mx:", left_out["action"])

    def test_a_policy_that_nobody_can_read_is_a_warning(self):   # RFC 8461 §3.3
        self.web.status = 302
        self.addCleanup(setattr, self.web, "status", 200)
        found = self.policy("enforce", "mx.customer.test")
        self.assertEqual(found["status"], "warn", found)
        self.assertIn("redirects are not followed", found["found"])


class TestRepeatedChecks(RelevoTestCase):
    settings = {"checks": {"interval": "7d", "blocklists": []}}

    def test_a_new_interval_counts_at_once(self):
        for rare in ("7d", "0s"):
            with self.subTest(interval=rare):
                domain = f"added-at-{rare}.test"
                self.relevo.configure({"checks": {"interval": rare}})
                self.relevo.run("reload")
                self.relevo.control("domain.add", tenant="customer", domain=domain, trusted=True)
                self.relevo.configure({"checks": {"interval": "2s"}})
                self.relevo.run("reload")
                self.relevo.wait_for_log("domain.check_changed", domain=domain, seconds=15)


if __name__ == "__main__":
    unittest.main()
