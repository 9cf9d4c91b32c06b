"""What became of TLS goes to the owners of destinations after the day is over (RFC 8460): by mail and posted to web pages."""

import datetime
import email
import email.policy
import gzip
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, dkim_check, loopback, mail  # noqa: E402
from harness.name_server import txt  # noqa: E402
from harness.policy_server import PolicyServer  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.store import rows_of  # noqa: E402
from harness.transport import TransportCase, ZONE  # noqa: E402

DAY = datetime.timedelta(days=1)
# The hosts of one domain in the order in which they are tried: each but the last fails in its own way.
HOSTS = ("expired", "unknownca", "wrongname", "notls", "good")
FAILURES = {"certificate-expired": "expired", "certificate-not-trusted": "unknownca",
            "certificate-host-mismatch": "wrongname", "starttls-not-supported": "notls"}


@unittest.skipUnless(loopback.may_listen(loopback.address(90), 443), "needs port 443 of a loopback address")
class TestTlsReports(TransportCase):
    @classmethod
    def own_settings(cls) -> dict:
        return {"reports": {"send_tls": True, "organization": "Relevo's tests", "contact": "mailto:post@relevo.test"},
                "signing": {"service_domain": "relevo.test", "check_interval": "1s", "rotation_interval": "0s"},
                "delivery": {"messages_per_connection": 1}}

    @classmethod
    def policy_domains(cls) -> list[str]:
        return ["many", "closed", "unfetched"]

    @classmethod
    def prepare(cls) -> None:
        stranger = certificates.Authority(cls.folder / "stranger", "another authority")
        chains = {host: cls.authority.issue(f"{host}.{ZONE}") for host in HOSTS}
        chains["expired"] = cls.authority.issue(f"expired.{ZONE}", expired=True)
        chains["unknownca"] = stranger.issue(f"unknownca.{ZONE}")
        chains["wrongname"] = cls.authority.issue("elsewhere.test")
        cls.sinks, records = {}, []
        for number, host in enumerate(HOSTS):
            cls.sinks[host] = Sink(loopback.address(100 + number), cls.mail_port,
                                   certificate=None if host == "notls" else chains[host])
            cls.addClassCleanup(cls.sinks[host].stop)
            records += [f"{host} 1 IN A {loopback.address(100 + number)}",
                        f"many 1 IN MX {10 + number} {host}.{ZONE}."]
        key = certificates.public_key_sha256(chains["good"][0])
        # The same server under a name with TLSA records: those of "many" have none, so that MTA-STS holds for them.
        records += [f"signed 1 IN MX 10 dane.{ZONE}.", f"dane 1 IN A {loopback.address(104)}",
                    f"_{cls.mail_port}._tcp.dane 1 IN TLSA 3 1 1 {key}",
                    f"quiet 1 IN MX 10 good.{ZONE}.", f"unfetched 1 IN MX 10 unknownca.{ZONE}.",
                    f"closed 1 IN MX 10 expired.{ZONE}.", f"post 1 IN A {loopback.address(92)}"]
        for name in cls.policy_domains():
            records += [f'_mta-sts.{name} 1 IN TXT "v=STSv1; id=1;"', f"mta-sts.{name} 1 IN A {loopback.address(90)}"]
        # Reports about "many" go to a domain whose only server fails its own policy.
        for name, rua in (("many", f"mailto:tls@closed.{ZONE}"), ("unfetched", f"mailto:tls@good-mail.{ZONE}"),
                          ("signed", f"https://post.{ZONE}:444/v1/tls")):
            records.append(f'_smtp._tls.{name} 1 IN TXT "v=TLSRPTv1; rua={rua}"')
        records.append(f"good-mail 1 IN MX 10 good.{ZONE}.")
        cls.zone.publish("\n".join(records))

        def body(host: str) -> bytes:
            if "unfetched" in host:
                return b"<html>no policy here</html>"
            return f"version: STSv1\r\nmode: enforce\r\nmx: *.{ZONE}\r\nmax_age: 86400\r\n".encode()

        cls.web = cls.serve(loopback.address(90), body)
        cls.post = PolicyServer(loopback.address(92), 444, *cls.authority.issue(f"post.{ZONE}"), b"")
        cls.addClassCleanup(cls.post.stop)

    def publish_keys(self) -> None:
        keys = loopback.wait_until(
            lambda: [key for key in self.relevo.control("dkim.show", domain="relevo.test")["keys"] if key["state"] == "next"],
            "keys of the service")
        self.names.add(*(txt(key["host"], key["record"]) for key in keys))
        loopback.wait_until(
            lambda: any(key["state"] == "active" for key in self.relevo.control("dkim.show", domain="relevo.test")["keys"]),
            "the service signs", 40.0, 0.2)

    def end_the_day(self) -> datetime.date:
        """Stops the server, makes today's counts yesterday's, starts it again. The day they belong to now."""
        self.relevo.stop()
        with rows_of(pathlib.Path(self.relevo.settings["server"]["data_dir"]) / "relevo.db") as store:
            today = datetime.datetime.now(datetime.timezone.utc).date()
            number = (today - datetime.date(1970, 1, 1)).days
            for table in ("report_count", "report_day", "outgoing_report"):
                store.execute(f"UPDATE {table} SET day = day - 1 WHERE day = ?", (number,))
        self.relevo.start()
        return today - DAY

    def states(self) -> dict[str, dict]:
        return {report["domain"].removesuffix("." + ZONE): report for report in self.relevo.ask("reports", "sent")["reports"]}

    def state_of(self, domain: str, state: str) -> dict:
        return loopback.wait_until(lambda: (lambda one: one if one["state"] == state else None)(self.states()[domain]),
                                   f"the report about {domain} is {state}", 20, 0.2)

    def report_in(self, content: bytes) -> dict:
        message = email.message_from_bytes(content, policy=email.policy.SMTP)
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.get_param("report-type"), "tlsrpt")
        [part] = [part for part in message.walk() if part.get_content_type() == "application/tlsrpt+gzip"]
        return json.loads(gzip.decompress(part.get_payload(decode=True)))

    def test_owners_learn_how_often_and_why_tls_failed(self):   # RFC 8460 §3, §4.3, §4.4, §5.3; RFC 8689 §5
        self.publish_keys()
        for domain, count in (("many", 2), ("unfetched", 1), ("signed", 3), ("quiet", 1)):
            for _ in range(count):
                self.wait_for_event(self.relevo.submit(mail.message(), [f"bob@{domain}.{ZONE}"]), "delivered")
        before = len(self.sinks["expired"].messages)
        self.assertEqual(before, 0, "an enforced policy keeps mail from a server that does not fulfil it")
        self.post.status = 503
        day = self.end_the_day()
        self.assertEqual({name: (state["kind"], state["state"]) for name, state in self.states().items()},
                         {name: ("tls", "open") for name in ("many", "quiet", "signed", "unfetched")},
                         "a server that stops asks nobody whether he wants reports")

        self.assertEqual(self.relevo.ask("reports", "send", "--day", str(day)), {"day": str(day), "waiting": 4})
        [told] = self.sinks["expired"].wait_for(1)   # although its certificate has expired
        self.assertEqual(told.recipients[0][0], f"tls@closed.{ZONE}")
        self.assertEqual(mail.field(told.content, "TLS-Required"), "No")
        self.assertEqual(mail.field(told.content, "TLS-Report-Domain"), f"many.{ZONE}")
        self.assertEqual(mail.field(told.content, "TLS-Report-Submitter"), "mail.relevo.test")
        keys = {key["host"]: key["record"] for key in self.relevo.control("dkim.show", domain="relevo.test")["keys"]}
        verdicts = dkim_check.verdicts(told.content, keys)
        self.assertTrue(verdicts and all(verdict["valid"] for verdict in verdicts), verdicts)
        self.assertEqual({verdict["domain"] for verdict in verdicts}, {"relevo.test"})

        report = self.report_in(told.content)
        self.assertEqual(report["organization-name"], "Relevo's tests")
        self.assertEqual(report["date-range"]["start-datetime"], f"{day}T00:00:00Z")
        [policy] = report["policies"]
        self.assertEqual(policy["policy"]["policy-type"], "sts")
        self.assertEqual(policy["policy"]["policy-domain"], f"many.{ZONE}")
        self.assertEqual(policy["policy"]["mx-host"], [f"*.{ZONE}"])
        self.assertIn("mode: enforce", policy["policy"]["policy-string"])
        self.assertEqual(policy["summary"], {"total-successful-session-count": 2, "total-failure-session-count": 8})
        failures = {failure["result-type"]: failure for failure in policy["failure-details"]}
        self.assertEqual({kind: failure["receiving-mx-hostname"] for kind, failure in failures.items()},
                         {kind: f"{host}.{ZONE}" for kind, host in FAILURES.items()})
        for kind, failure in failures.items():
            self.assertEqual(failure["failed-session-count"], 2, kind)
            self.assertEqual(failure["receiving-ip"], loopback.address(100 + HOSTS.index(FAILURES[kind])))
            self.assertTrue(failure["sending-mta-ip"].startswith("127."), failure)

        told = [one for one in self.sinks["good"].wait_for(7) if one.recipients[0][0] == f"tls@good-mail.{ZONE}"]
        [policy] = self.report_in(told[0].content)["policies"]
        self.assertEqual([(one["result-type"], one["failed-session-count"]) for one in policy["failure-details"]],
                         [("sts-policy-invalid", 1)])
        self.state_of("many", "sent")
        self.state_of("unfetched", "sent")
        self.assertIn("no TLS reporting record", self.state_of("quiet", "not_wanted")["reason"])

        # The page that failed is tried again, and gets what mail would have brought.
        waiting = loopback.wait_until(lambda: (lambda one: one if one["reason"] else None)(self.states()["signed"]),
                                      "why it was not posted", 20, 0.2)
        self.assertIn("status 503", waiting["reason"])
        self.post.status = 201
        self.assertEqual(self.relevo.ask("reports", "send", "--day", str(day))["waiting"], 1)
        self.assertEqual(self.state_of("signed", "sent")["recipients"], [f"https://post.{ZONE}:444/v1/tls"])
        self.assertEqual(self.post.requests, 2)
        self.assertEqual(self.post.posted[-1]["type"], "application/tlsrpt+gzip")
        self.assertEqual(self.post.posted[0], self.post.posted[1], "a second attempt is known as one")
        [policy] = json.loads(gzip.decompress(self.post.posted[-1]["body"]))["policies"]
        self.assertEqual(policy["policy"]["policy-type"], "tlsa")
        self.assertRegex(policy["policy"]["policy-string"][0], "^3 1 1 [0-9A-F]{64}$")
        self.assertEqual(policy["summary"], {"total-successful-session-count": 3, "total-failure-session-count": 0})
        self.assertIn("tls@closed", self.relevo.run("reports", "sent").output)

        # Reports make no reports.
        self.relevo.stop()
        self.relevo.start()
        self.assertEqual({name for name, state in self.states().items() if state["state"] == "open"}, set())


if __name__ == "__main__":
    unittest.main()
