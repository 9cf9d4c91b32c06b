"""Addresses before mail is sent to them: `address check`, and submission.check_recipients."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

LISTS = pathlib.Path(__file__).parents[2] / "lib" / "addresscheck" / "address_lists.tsv"


class AddressCheck(RelevoTestCase):
    destinations = {"gmail.com": 11, "gmial.com": 12, "empresa.test": 13}
    records = ("null.test. MX 0 .", "web.test. A {block}.14", "text.test. TXT hello", "lost.test. MX 5 gone.test.",
               "mailinator.com. MX 5 mx.gmail.com.", "xn--espaa-rta.test. MX 5 mx.gmail.com.")
    failing_zones = ("broken.test",)
    with_customer = False

    def check(self, *arguments: str, code: int | None = None, **more) -> dict[str, dict]:
        found = self.relevo.ask("address", "check", *arguments, code=code, **more)
        return {entry["given"]: entry for entry in found["addresses"]}

    def findings(self, address: str) -> tuple[str, list[str]]:
        entry = self.check(address)[address]
        return entry["verdict"], [finding["id"] for finding in entry["findings"]]

    def test_verdicts_over_a_real_resolver(self):
        self.assertEqual(self.findings("ana@empresa.test"), ("good", []))
        self.assertEqual(self.findings("ana@missing.test"), ("bad", ["no_such_domain"]))
        self.assertEqual(self.findings("ana@null.test"), ("bad", ["null_mx"]))
        self.assertEqual(self.findings("ana@web.test"), ("risky", ["no_mx"]))
        self.assertEqual(self.findings("ana@text.test"), ("bad", ["no_mail_server"]))
        self.assertEqual(self.findings("ana@lost.test"), ("bad", ["no_server_address"]))
        self.assertEqual(self.findings("ana@broken.test"), ("unknown", ["dns_trouble"]))
        self.assertEqual(self.findings("info@empresa.test"), ("risky", ["role"]))
        self.assertEqual(self.findings("ana@mailinator.com"), ("risky", ["disposable"]))
        self.assertEqual(self.findings("josé@españa.test"), ("good", ["needs_smtputf8"]))
        self.assertEqual(self.findings("ana"), ("bad", ["syntax"]))

    def test_slips_are_told_with_what_was_meant(self):
        found = self.check("ana@gmial.com", "ana@gmaik.com", "ana@gmail,com")
        self.assertEqual({given: entry["suggestion"] for given, entry in found.items()},
                         dict.fromkeys(found, "ana@gmail.com"))
        self.assertEqual(found["ana@gmial.com"]["verdict"], "risky", "it has a mail server, which is why it is listed")

    def test_people_read_it_in_spanish(self):
        text = self.relevo.run("address", "check", "ana@gmaik.com", "--language", "es", code=1).output
        self.assertIn("ana@gmaik.com: mala (0 de 100), ¿quería decir ana@gmail.com?", text)
        self.assertIn("El dominio gmaik.com no existe. Escriba ana@gmail.com.", text)

    def test_a_list_from_a_file_and_its_sums(self):
        lines = "# customers\n\nana@empresa.test\nluis@empresa.test\n  eva@missing.test \n"
        text = self.relevo.run("address", "check", "--file", "-", input=lines, code=1).output
        self.assertIn("3 addresses: 2 good, 0 risky, 1 bad, 0 unknown.", text)

    def test_a_list_that_is_too_long_is_refused(self):
        lines = "".join(f"a{number}@empresa.test\n" for number in range(10_001))
        refused = self.relevo.run("address", "check", "--file", "-", input=lines, code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("10001 addresses are too many at once", refused.errors)

    def test_ten_thousand_addresses_ask_about_each_domain_once(self):
        lines = "".join(f"a{number}@empresa.test\n" for number in range(10_000))
        counts = self.relevo.ask("address", "check", "--file", "-", input=lines)["counts"]
        self.assertEqual(counts, {"good": 10_000, "risky": 0, "bad": 0, "unknown": 0})

    def test_other_lists_and_their_mistakes(self):
        own = self.folder / "lists.tsv"
        own.write_text("disposable\tempresa.test\t-\n")
        self.assertEqual([finding["id"] for finding in
                          self.check("ana@empresa.test", "--lists", str(own))["ana@empresa.test"]["findings"]], ["disposable"])
        own.write_text("disposable\tempresa.test\t-\nrole\tX\t-\n")
        refused = self.relevo.run("address", "check", "ana@empresa.test", "--lists", str(own), code=None)
        self.assertIn("lists.tsv: line 2: a role", refused.errors)

    def test_nothing_to_check_says_what_to_write(self):
        refused = self.relevo.run("address", "check", code=None)
        self.assertIn("Give an ADDRESS, or a list with --file LIST", refused.errors)


class OwnHistory(RelevoTestCase):
    def check(self, *words: str, code: int = 1) -> dict:
        found = self.relevo.ask("address", "check", *words, code=code)["addresses"]
        return {one["given"]: [finding["id"] for finding in one["findings"]] for one in found}

    def test_an_address_that_the_tenant_must_not_write_to_is_bad(self):
        self.relevo.add_tenant("other", ("other.test",))
        self.relevo.control("suppression.add", tenant="customer", address="bob@destination.test", reason="complaint")
        self.assertEqual(self.check("Bob@DESTINATION.test", "eva@destination.test", "--tenant", "customer"),
                         {"Bob@DESTINATION.test": ["suppressed"], "eva@destination.test": []})
        text = self.relevo.run("address", "check", "bob@destination.test", "--tenant", "customer", code=1).output
        self.assertIn("Nothing may be sent to this address: complaint", " ".join(text.split()))
        self.assertEqual(self.check("bob@destination.test", "--tenant", "other", code=0), {"bob@destination.test": []})
        self.assertEqual(self.check("bob@destination.test", code=0), {"bob@destination.test": []}, "nobody is asked")
        wrong = self.relevo.run("address", "check", "bob@destination.test", "--tenant", "nobody", code=None)
        self.assertNotEqual(wrong.code, 0)
        self.assertIn("nobody", wrong.errors)

    def send(self, recipient: str, ending: str) -> None:
        message = self.relevo.submit(mail.message(), [recipient])
        self.wait_for_event(message, ending, recipient)

    def wait_for_findings(self, address: str, expected: list[str]) -> None:
        """Outcomes are found a second or so after they happen."""
        wanted = {address: expected}
        loopback.wait_until(lambda: self.check(address, "--tenant", "customer", code=None) == wanted, f"findings {wanted}")

    def test_an_address_whose_last_mail_came_back_is_bad_until_one_arrives(self):
        exists: list[bool] = []

        def answer(stage: str, line: str, _session) -> str | None:
            return "550 5.1.1 No such user" if stage == "RCPT" and "<gone@" in line and not exists else None
        self.sink(script=answer)
        self.send("gone@destination.test", "failed")
        self.wait_for_findings("gone@destination.test", ["bounced"])
        text = self.relevo.run("address", "check", "gone@destination.test", "--tenant", "customer", code=1).output
        self.assertIn("The last mail to this address came back for good.", " ".join(text.split()))
        asked = self.relevo.control("address.check", tenant="customer", addresses=["gone@destination.test"], language="es")
        [report] = asked["addresses"]
        self.assertEqual((report["verdict"], [one["id"] for one in report["findings"]]), ("bad", ["bounced"]))
        self.assertIn("volvió de forma definitiva", report["findings"][0]["reason"])
        exists.append(True)
        self.send("gone@destination.test", "delivered")
        self.wait_for_findings("gone@destination.test", [])

    def test_a_long_list_without_a_server(self):
        self.relevo.control("suppression.add", tenant="customer", address="r1200@destination.test", reason="unsubscribe")
        path = self.folder / "list.txt"
        path.write_text("".join(f"r{n}@destination.test\n" for n in range(1500)))
        self.relevo.stop()
        self.addCleanup(self.relevo.start)
        found = self.check("--file", str(path), "--tenant", "customer")
        self.assertEqual([address for address, findings in found.items() if findings], ["r1200@destination.test"])


class AtSubmission(RelevoTestCase):
    destinations = {"destination.test": 11, "gmial.com": 12}
    records = ("null.test. MX 0 .",)
    failing_zones = ("broken.test",)
    settings = {"submission": {"check_recipients": "syntax_and_domain"},
                "route": [{"name": "office", "domains": "office.test", "kind": "discard"}]}

    def recipients(self, *addresses: str) -> list[str]:
        with self.relevo.log_in() as client:
            client.expect("MAIL FROM:<ana@customer.test>", 250)
            return [str(client.command(f"RCPT TO:<{address}>")) for address in addresses]

    def test_what_is_certain_to_come_back_is_refused(self):  # RFC 7505
        self.sink()
        good, missing, null, broken, routed = self.recipients("bob@destination.test", "bob@gmaik.com", "bob@null.test",
                                                              "bob@broken.test", "bob@office.test")
        self.assertTrue(good.startswith("250"), good)
        self.assertIn("550 5.1.2 The domain gmaik.com does not exist: did you mean gmail.com?", missing)
        self.assertIn("556 5.1.10 The domain null.test declares that it takes no mail", null)
        self.assertTrue(broken.startswith("250"), "trouble of the DNS refuses nothing: " + broken)
        self.assertTrue(routed.startswith("250"), "a route does not need the DNS: " + routed)
        self.relevo.wait_for_log("smtp.refused", command="RCPT")

    def test_a_domain_with_a_mail_server_is_taken_although_it_looks_like_a_slip(self):
        self.assertTrue(self.recipients("bob@gmial.com")[0].startswith("250"))

    def test_the_rest_of_the_mail_goes_out(self):
        sink = self.sink()
        with self.relevo.log_in() as client:
            client.expect("MAIL FROM:<ana@customer.test>", 250)
            client.expect("RCPT TO:<bob@destination.test>", 250)
            client.expect("RCPT TO:<bob@missing.test>", 550)
            client.expect("DATA", 354)
            client.send(mail.message() + b".\r\n")
            self.assertEqual(client.reply().code, 250)
        self.assertEqual(len(sink.wait_for(1)[0].recipients), 1)

    def test_a_reload_switches_it_off_and_refuses_wrong_lists(self):
        self.addCleanup(lambda: (self.relevo.configure({"submission": {"check_recipients": "syntax_and_domain"},
                                                        "checks": {"address_lists": ""}}), self.relevo.run("reload")))
        self.assertIn("gmail.com?", self.recipients("bob@gmaiz.com")[0])
        wrong = self.folder / "wrong.tsv"
        wrong.write_text("nonsense\n")
        self.relevo.configure({"checks": {"address_lists": str(wrong)}})
        refused = self.relevo.run("reload", code=None)
        self.assertIn("wrong.tsv: line 1: has 1 columns", refused.errors)
        self.assertIn("550 5.1.2", self.recipients("bob@missing.test")[0], "what was in force stays")
        own = self.folder / "own.tsv"
        own.write_text(LISTS.read_text().replace("provider\tgmail.com", "provider\tmail.example"))
        self.relevo.configure({"checks": {"address_lists": str(own)}})
        self.relevo.run("reload")
        self.assertNotIn("gmail.com?", self.recipients("bob@gmaiz.com")[0], "other lists, other hints")
        self.relevo.configure({"submission": {"check_recipients": "off"}})
        self.relevo.run("reload")
        self.assertTrue(self.recipients("bob@missing.test")[0].startswith("250"))


if __name__ == "__main__":
    unittest.main()
