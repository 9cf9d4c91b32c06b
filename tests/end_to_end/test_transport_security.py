"""Whether TLS to the destinations is as strict as they, or the sender, demand: ten faults of servers under seven policies."""

import pathlib
import re
import ssl
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback, mail  # noqa: E402
from harness.sink import Close, Sink  # noqa: E402
from harness.transport import TransportCase, ZONE  # noqa: E402

TLS, PLAIN, KEPT = "over TLS", "in clear", "kept"

# Policy: what comes of each fault below, in this order.
FAULTS = ("good", "wildcard", "selfsigned", "expired", "wrongname", "unknownca", "old", "notls", "refuses", "breaks")
EXPECTED = {
    "none": [TLS, TLS, TLS, TLS, TLS, TLS, PLAIN, PLAIN, PLAIN, PLAIN],
    "ststesting": [TLS, TLS, TLS, TLS, TLS, TLS, PLAIN, PLAIN, PLAIN, PLAIN],
    "stsenforce": [TLS, TLS, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT],       # RFC 8461 §4.2
    "daneee": [TLS, TLS, TLS, TLS, TLS, TLS, KEPT, KEPT, KEPT, KEPT],               # RFC 7672 §3.1.1: the key alone counts
    "daneta": [TLS, TLS, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT],           # §3.1.2
    "requiretls": [TLS, TLS, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT],       # RFC 8689 §4.2.1
    "daneunusable": [TLS, TLS, TLS, TLS, TLS, TLS, KEPT, KEPT, KEPT, KEPT],         # §2.2: encrypted, whoever it is
}


def old_tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    """A server that speaks nothing newer than TLS 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(*certificate)
    return context


def refuse_starttls(stage, line, session):
    return "454 4.7.0 TLS not available due to temporary reason" if stage == "STARTTLS" else None


def break_starttls(stage, line, session):
    if stage == "STARTTLS":
        raise Close(b"220 2.0.0 Go ahead\r\n\x15\x03\x03\x00\x02\x02\x28")  # a TLS alert: handshake_failure
    return None


@unittest.skipUnless(loopback.may_listen(loopback.address(90), 443), "needs port 443 of a loopback address")
class TestDemandsOfDestinations(TransportCase):   # security row B2
    @classmethod
    def own_settings(cls) -> dict:
        (cls.folder / "shaping.toml").write_text("")
        return {"delivery": {"shaping": str(cls.folder / "shaping.toml")}}

    @classmethod
    def policy_domains(cls) -> list[str]:
        return [f"{fault}-{policy}" for policy in ("ststesting", "stsenforce") for fault in FAULTS]

    @classmethod
    def host(cls, fault: str, policy: str) -> str:
        """The mail server: those with TLSA records have names of their own."""
        return f"{fault}.{policy if policy.startswith('dane') else 'plain'}"

    @classmethod
    def prepare(cls) -> None:
        kinds = ("plain", "daneee", "daneta", "daneunusable")
        stranger = certificates.Authority(cls.folder / "stranger", "another authority")
        names = {fault: [f"{fault}.{kind}.{ZONE}" for kind in kinds] for fault in FAULTS}
        chains = {fault: cls.authority.issue(*names[fault]) for fault in FAULTS}
        chains["wildcard"] = cls.authority.issue(*(f"*.{kind}.{ZONE}" for kind in kinds))
        chains["selfsigned"] = certificates.self_signed(cls.folder / "self", f"selfsigned.plain.{ZONE}")
        chains["expired"] = cls.authority.issue(*names["expired"], expired=True)
        chains["wrongname"] = cls.authority.issue("elsewhere.test")
        chains["unknownca"] = stranger.issue(*names["unknownca"])
        cls.pins = {fault: certificates.public_key_sha256(chain[0]) for fault, chain in chains.items()}
        behaviour = {"old": {"tls_context": old_tls(chains["old"])}, "notls": {"certificate": None},
                     "refuses": {"script": refuse_starttls}, "breaks": {"script": break_starttls}}
        records, cls.sinks = [], {}
        extensions = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "REQUIRETLS")
        for number, fault in enumerate(FAULTS):
            cls.sinks[fault] = Sink(loopback.address(100 + number), cls.mail_port, extensions=extensions,
                                    **{"certificate": None if fault == "old" else chains[fault], **behaviour.get(fault, {})})
            cls.addClassCleanup(cls.sinks[fault].stop)
            key = certificates.public_key_sha256(chains[fault][0])
            tlsa = {"daneee": f"3 1 1 {key}", "daneta": f"2 0 1 {cls.authority.sha256()}", "daneunusable": f"1 1 1 {key}"}
            for kind in kinds:
                records.append(f"{fault}.{kind} 1 IN A {loopback.address(100 + number)}")
                if kind in tlsa:
                    records.append(f"_{cls.mail_port}._tcp.{fault}.{kind} 1 IN TLSA {tlsa[kind]}")
            for policy in EXPECTED:
                records.append(f"{fault}-{policy} 1 IN MX 10 {cls.host(fault, policy)}.{ZONE}.")
        for name in cls.policy_domains():
            records += [f'_mta-sts.{name} 1 IN TXT "v=STSv1; id=1;"', f"mta-sts.{name} 1 IN A {loopback.address(90)}"]
        cls.zone.publish("\n".join(records))

        def body(host: str) -> bytes:
            mode = "enforce" if "stsenforce" in host else "testing"
            return f"version: STSv1\r\nmode: {mode}\r\nmx: *.plain.{ZONE}\r\nmax_age: 86400\r\n".encode()

        cls.web = cls.serve(loopback.address(90), body)

    def test_each_cell_of_the_table(self):
        recipients = {f"bob@{fault}-{policy}.{ZONE}": (fault, policy, EXPECTED[policy][number])
                      for policy in EXPECTED for number, fault in enumerate(FAULTS)}
        self.assertEqual(len(recipients), 70)
        of_sender = [recipient for recipient in recipients if "-requiretls." in recipient]
        message = self.relevo.submit(mail.message(), [recipient for recipient in recipients if recipient not in of_sender])
        demanding = self.relevo.submit(mail.message(), of_sender, parameters=" REQUIRETLS")
        events = {**self.outcomes(message, 60), **self.outcomes(demanding, 10)}
        wrong = []
        for recipient, (fault, policy, expected) in recipients.items():
            event = events[recipient]
            tls = event["facts"].get("tls", "")
            came = KEPT if event["kind"] == "deferred" else event["kind"]
            if event["kind"] == "delivered":
                came = TLS if tls.startswith("TLSv1") else PLAIN
            if came != expected:
                wrong.append(f"{fault} under {policy}: {came} instead of {expected}: {event['facts']}")
            elif policy == "daneee" and came == TLS:
                self.assertIn("verified by TLSA record 3 1 1", tls)
            elif policy == "daneta" and came == TLS:
                self.assertIn("verified by TLSA record 2 0 1", tls)
            elif policy == "stsenforce" and came == TLS:
                self.assertTrue(tls.endswith("certificate verified"), tls)
            elif came == KEPT:
                self.assertRegex(event["facts"]["explanation"], "DANE|MTA-STS of|REQUIRETLS")
                self.assertEqual(event["facts"]["status"], "4.7.5", event)
        self.assertEqual(wrong, [])
        for fault, sink in self.sinks.items():   # nothing went further than it was allowed to
            for received in sink.messages:
                for address, _ in received.recipients:
                    if address not in recipients:
                        continue   # another test's
                    _, policy, expected = recipients[address]
                    self.assertEqual(expected, TLS if received.tls else PLAIN, f"{fault} under {policy}")
        # Whoever's mail a connection was opened for.
        for fault in FAULTS[2:]:
            self.relevo.wait_for_log("delivery.mta_sts_test_failed", site=f"{fault}-ststesting.{ZONE}")
        told = {line["site"] for line in self.relevo.log_entries("delivery.mta_sts_test_failed")}
        self.assertEqual(told, {f"{fault}-ststesting.{ZONE}" for fault in FAULTS[2:]}, "the first two keep it")

    def came(self, message: str, recipients: dict[str, tuple[str, str]]) -> dict[tuple[str, str], str]:
        """How the message came to each recipient, {address: (fault, policy)}."""
        events = self.outcomes(message, len(recipients))
        return {cell: KEPT if events[address]["kind"] == "deferred" else
                TLS if events[address]["facts"]["tls"].startswith("TLSv1") else PLAIN for address, cell in recipients.items()}

    def test_a_message_that_needs_no_tls_goes_whatever_the_destination_publishes(self):   # RFC 8689 §5
        cells = {f"free@{fault}-{policy}.{ZONE}": (fault, policy)
                 for policy in ("stsenforce", "daneee", "daneta", "daneunusable") for fault in FAULTS}
        content = b"TLS-Required: No\r\n" + mail.message()
        came = self.came(self.relevo.submit(content, list(cells)), cells)
        self.assertEqual(came, {(fault, policy): EXPECTED["none"][FAULTS.index(fault)] for fault, policy in cells.values()})
        for sink in self.sinks.values():
            for received in sink.messages:
                if received.recipients[0][0].startswith("free@"):
                    self.assertEqual(mail.field(received.content, "TLS-Required"), "No", "the next server must know it too")
        # REQUIRETLS outweighs it.
        demanding = {f"free2@selfsigned-requiretls.{ZONE}": ("selfsigned", "requiretls")}
        self.assertEqual(self.came(self.relevo.submit(content, list(demanding), parameters=" REQUIRETLS"), demanding),
                         {("selfsigned", "requiretls"): KEPT})

    def test_a_tenants_demand_holds_for_all_its_mail(self):
        self.addCleanup(self.relevo.ask, "tenant", "set", "customer", "--tls", "usual")
        cells = {f"ten@{fault}-{policy}.{ZONE}": (fault, policy)
                 for policy in ("none", "daneee") for fault in ("good", "selfsigned", "expired", "notls")}
        for demand, expected in (("required", [TLS, TLS, TLS, KEPT, TLS, TLS, TLS, KEPT]),
                                 ("verified", [TLS, KEPT, KEPT, KEPT, TLS, TLS, TLS, KEPT])):   # DANE is proof enough
            self.assertEqual(self.relevo.ask("tenant", "set", "customer", "--tls", demand)["tls"], demand)
            message = self.relevo.submit(b"TLS-Required: No\r\n" + mail.message(), list(cells))
            self.assertEqual(self.came(message, cells), dict(zip(cells.values(), expected)), demand)
        events = self.outcomes(message, len(cells))
        self.assertRegex(events[f"ten@selfsigned-none.{ZONE}"]["facts"]["explanation"], "demanded by the tenant")

    def test_an_operator_names_the_key_that_a_destination_must_show(self):
        keys = {fault: self.pins[fault] for fault in ("selfsigned", "expired")}
        rules = pathlib.Path(self.folder / "shaping.toml")
        rules.write_text("".join(f'[[rule]]\ndomain = "{fault}-none.{ZONE}"\ntls_keys = "sha256:{key}"\n'
                                 for fault, key in {**keys, "wrongname": keys["expired"]}.items()))
        self.addCleanup(self.relevo.ask, "reload")
        self.addCleanup(rules.write_text, "")
        self.relevo.ask("reload")
        cells = {f"pin@{fault}-none.{ZONE}": (fault, "none") for fault in ("selfsigned", "expired", "wrongname")}
        message = self.relevo.submit(mail.message(), list(cells))
        self.assertEqual(self.came(message, cells), dict(zip(cells.values(), [TLS, TLS, KEPT])))
        events = self.outcomes(message, len(cells))
        self.assertIn("certificate verified by the pinned key", events[f"pin@selfsigned-none.{ZONE}"]["facts"]["tls"])
        self.assertRegex(events[f"pin@wrongname-none.{ZONE}"]["facts"]["explanation"], "demanded by a shaping rule")

    def test_policies_outlive_a_restart_and_the_web_server(self):   # RFC 8461 §5.1
        recipient = f"bob@good-stsenforce.{ZONE}"
        self.wait_for_event(self.relevo.submit(mail.message(), [recipient]), "delivered")
        requests = self.web.requests
        self.web.status = 503
        self.addCleanup(setattr, self.web, "status", 200)
        self.relevo.stop()
        self.relevo.start()
        event = self.wait_for_event(self.relevo.submit(mail.message(), [recipient]), "delivered")
        self.assertTrue(event["facts"]["tls"].endswith("certificate verified"), event)
        self.assertEqual(self.web.requests, requests, "what is known is not fetched again")
        kept = self.relevo.submit(mail.message(), [f"bob@selfsigned-stsenforce.{ZONE}"])
        self.wait_for_event(kept, "deferred")


@unittest.skipUnless(loopback.may_listen(loopback.address(90), 443), "needs port 443 of a loopback address")
class TestPoliciesThatCannotBeKept(TransportCase):   # security rows B3, B4
    @classmethod
    def policy_domains(cls) -> list[str]:
        return ["leaves-out", "no-policy", "forged"]

    @classmethod
    def prepare(cls) -> None:
        certificate = cls.authority.issue(f"mx.{ZONE}", f"named.{ZONE}")
        cls.sink = Sink(loopback.address(100), cls.mail_port, certificate=certificate)
        cls.addClassCleanup(cls.sink.stop)
        cls.digest = certificates.public_key_sha256(certificate[0])
        records = [f"mx 1 IN A {loopback.address(100)}", f"_{cls.mail_port}._tcp.mx 1 IN TLSA 3 1 1 {'00' * 32}",
                   f"other 1 IN A {loopback.address(100)}", f"mismatch 1 IN MX 10 mx.{ZONE}.",
                   f"real 1 IN A {loopback.address(100)}", f"_{cls.mail_port}._tcp.real 1 IN TLSA 3 1 1 {cls.digest}",
                   f"forged 1 IN MX 10 real.{ZONE}.", f"plain 1 IN MX 10 named.{ZONE}.",
                   f"named 1 IN A {loopback.address(100)}"]
        for name in ("leaves-out", "no-policy"):
            records += [f"{name} 1 IN MX 10 other.{ZONE}.", f'_mta-sts.{name} 1 IN TXT "v=STSv1; id=1;"',
                        f"mta-sts.{name} 1 IN A {loopback.address(90)}"]
        cls.records = "\n".join(records)
        cls.zone.publish(cls.records)

        def body(host: str) -> bytes:
            return (f"version: STSv1\nmode: enforce\nmx: mx.{ZONE}\nmax_age: 86400\n" if "leaves-out" in host
                    else "<html>Not found</html>").encode()

        cls.web = cls.serve(loopback.address(90), body)

    def kept(self, domain: str) -> str:
        event = self.wait_for_event(self.relevo.submit(mail.message(), [f"bob@{domain}.{ZONE}"]), "deferred")
        self.assertEqual(event["facts"]["status"], "4.7.5", event)
        return event["facts"]["explanation"]

    def test_a_host_that_the_policy_leaves_out_gets_nothing(self):   # RFC 8461 §4.1
        self.assertIn(f"the MTA-STS policy of leaves-out.{ZONE} does not name its mail server other.{ZONE}",
                      self.kept("leaves-out"))

    def test_a_certificate_that_no_record_names_gets_nothing(self):   # RFC 7672 §2.1
        self.assertRegex(self.kept("mismatch"), "TLS handshake failed.*DANE")

    def test_a_server_without_requiretls_gets_no_mail_that_needs_it(self):   # RFC 8689 §4.2.1
        event = self.wait_for_event(self.relevo.submit(mail.message(), [f"bob@plain.{ZONE}"], parameters=" REQUIRETLS"),
                                    "failed")
        self.assertEqual(event["facts"]["status"], "5.7.30", event)

    def test_what_cannot_be_fetched_is_no_policy(self):   # RFC 8461 §3.3
        event = self.wait_for_event(self.relevo.submit(mail.message(), [f"bob@no-policy.{ZONE}"]), "delivered")
        self.assertTrue(event["facts"]["tls"].startswith("TLSv1.3"), event)
        self.relevo.wait_for_log("mta_sts.fetch_failed")

    def mend(self) -> None:
        self.zone.publish(self.records)
        self.relevo.restart()   # resolvers remember what was forged

    def test_forged_tlsa_records_keep_the_mail(self):   # RFC 7672 §2.1
        self.addCleanup(self.mend)
        self.zone.forge(self.digest, "11" * 32)
        self.relevo.restart()
        explanation = loopback.wait_until(lambda: re.search("TLSA records of real", self.kept("forged")), "the forged answer")
        self.assertTrue(explanation)


if __name__ == "__main__":
    unittest.main()
