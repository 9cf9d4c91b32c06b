"""Mail clients that set themselves up: from an address alone, over the paths and the DNS names that they look at."""

import html
import http.client
import json
import os
import pathlib
import plistlib
import re
import smtplib
import ssl
import subprocess
import sys
import unittest
import urllib.parse
import uuid
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import certificates, loopback, mounts  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402
from harness.zone_server import ZoneServer  # noqa: E402

HOST = "mail.customer.test"
ADDRESS = "ana@customer.test"
AUTOCONFIG_PATHS = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
REQUEST = ('<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
           'outlook/requestschema/2006"><Request><EMailAddress>{}</EMailAddress><AcceptableResponseSchema>{}'
           '</AcceptableResponseSchema></Request></Autodiscover>')


class Answer:
    def __init__(self, answer: http.client.HTTPResponse):
        self.status, self.fields, self.body = answer.status, answer.headers, answer.read()

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def xml(self) -> xml.etree.ElementTree.Element:
        return xml.etree.ElementTree.fromstring(self.body)

    def texts(self, name: str) -> list[str]:
        """Of all elements of that name, in any namespace."""
        return [element.text for element in self.xml.iter() if element.tag.rpartition("}")[2] == name]


class TestAutoconfig(RelevoTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        cls.certificate, key = certificates.self_signed(cls.folder, HOST)
        cls.plain, cls.secure = loopback.free_port(), loopback.free_port()
        return {"server": {"host_name": HOST}, "tls": {"certificate": cls.certificate, "key": key},
                "http": [{"address": [f"127.0.0.1:{cls.secure}"]},
                         {"address": [f"127.0.0.1:{cls.plain}"], "tls": False, "api": False, "console": False}]}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.made = cls.relevo.add_credential(ADDRESS)
        cls.relevo.control("domain.add", tenant="customer", domain="claimed.test")

    def ask(self, path: str, host: str = HOST, secure: bool = True, method: str = "GET", body: str | None = None,
            **fields: str) -> Answer:
        if secure:
            context = ssl.create_default_context(cafile=self.certificate)
            context.check_hostname = False   # 127.0.0.1 stands for every name here
            connection = http.client.HTTPSConnection("127.0.0.1", self.secure, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=10)
        try:
            connection.request(method, path, body=body, headers={"Host": host, **fields})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    # --- Thunderbird and its relatives

    def test_a_client_that_follows_the_configuration_file_can_send(self) -> None:
        answer = self.ask(AUTOCONFIG_PATHS[0] + "?emailaddress=" + urllib.parse.quote(ADDRESS), secure=False)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIn("application/xml", answer.fields["Content-Type"])
        sink = self.sink()
        servers = answer.xml.findall("emailProvider/outgoingServer")
        self.assertEqual([server.findtext("socketType") for server in servers], ["SSL", "STARTTLS", "STARTTLS"],
                         answer.text)
        for server in servers:
            self.assertEqual(server.findtext("hostname"), HOST)
            login = server.findtext("username").replace("%EMAILADDRESS%", ADDRESS)
            port, context = int(server.findtext("port")), ssl.create_default_context(cafile=self.certificate)
            context.check_hostname = False
            kind = smtplib.SMTP_SSL if server.findtext("socketType") == "SSL" else smtplib.SMTP
            more = {"context": context} if kind is smtplib.SMTP_SSL else {}
            with kind("127.0.0.1", port, timeout=20, **more) as session:
                if kind is smtplib.SMTP:
                    session.starttls(context=context)
                session.login(login, PASSWORD)
                session.sendmail(ADDRESS, ["bob@destination.test"], f"From: {ADDRESS}\r\nSubject: set up\r\n\r\nHello\r\n")
        sink.wait_for(3)

    def test_the_name_of_the_host_says_the_domain_where_no_address_is_given(self) -> None:
        for secure in (False, True):
            for path, host in ((AUTOCONFIG_PATHS[0], "autoconfig.customer.test"), (AUTOCONFIG_PATHS[1], "customer.test")):
                answer = self.ask(path, host, secure)
                self.assertEqual(answer.status, 200, (path, host, answer.text))
                self.assertEqual(answer.texts("domain"), ["customer.test"])

    def test_mailboxes_elsewhere_are_told_as_soon_as_somebody_says_where_they_are(self) -> None:
        path = AUTOCONFIG_PATHS[0] + "?emailaddress=" + urllib.parse.quote(ADDRESS)
        self.assertEqual(self.ask(path).xml.findall("emailProvider/incomingServer"), [])
        self.assertEqual(self.ask(f"/settings/mail.mobileconfig?emailaddress={ADDRESS}").status, 404)
        done = self.relevo.ask("domain", "set", "customer.test", "--mailboxes", "imaps://imap.provider.test,pop3://pop.provider.test:1110")
        self.assertEqual(done["mailboxes"], ["imaps://imap.provider.test", "pop3://pop.provider.test:1110"])
        try:
            servers = [(server.get("type"), server.findtext("hostname"), server.findtext("port"), server.findtext("socketType"))
                       for server in self.ask(path).xml.findall("emailProvider/incomingServer")]
            self.assertEqual(servers, [("imap", "imap.provider.test", "993", "SSL"), ("pop3", "pop.provider.test", "1110", "STARTTLS")])
            outlook = self.ask("/autodiscover/autodiscover.xml", method="POST", body=REQUEST.format(ADDRESS, OUTLOOK))
            self.assertEqual(outlook.texts("Type"), ["IMAP", "POP3", "SMTP"])
            self.assertIn('action="/settings/mail.mobileconfig"', self.ask("/settings").text)
            self.check_profile(self.ask(f"/settings/mail.mobileconfig?emailaddress={ADDRESS}"))
            zone = self.relevo.run("domain", "dns", "customer.test", "--zone").output
            self.assertRegex(zone, r"(?m)^_imaps\._tcp\.customer\.test\. \d+ IN SRV 0 1 993 imap\.provider\.test\.$")
            self.relevo.restart()
            self.assertEqual(len(self.ask(path).xml.findall("emailProvider/incomingServer")), 2)
        finally:
            self.relevo.ask("domain", "set", "customer.test", "--mailboxes", "none")
        self.assertEqual(self.ask(path).xml.findall("emailProvider/incomingServer"), [])

    def check_profile(self, answer: Answer) -> None:
        """Signed by the server's certificate, and what Apple's documentation of the payload asks for."""
        self.assertEqual((answer.status, answer.fields["Content-Type"]), (200, "application/x-apple-aspen-config"))
        file = self.folder / "mail.mobileconfig"
        file.write_bytes(answer.body)
        done = subprocess.run(["openssl", "cms", "-verify", "-inform", "DER", "-in", file, "-CAfile", self.certificate, "-purpose", "any"],
                              capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        profile = plistlib.loads(done.stdout)
        self.assertEqual(profile["PayloadType"], "Configuration")
        [account] = profile["PayloadContent"]
        self.assertEqual(account["PayloadType"], "com.apple.mail.managed")
        self.assertEqual((account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"], account["IncomingMailServerUseSSL"],
                          account["IncomingMailServerUsername"]), ("imap.provider.test", 993, True, ADDRESS))
        self.assertEqual((account["OutgoingMailServerHostName"], account["OutgoingMailServerPortNumber"], account["OutgoingMailServerUsername"]),
                         (HOST, self.relevo.ports["implicit"], ADDRESS))
        for one in (profile, account):
            self.assertEqual(str(uuid.UUID(one["PayloadUUID"])).upper(), one["PayloadUUID"])

    # --- Outlook

    def test_outlook_gets_one_account_in_its_own_schema(self) -> None:
        for path in ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"):
            answer = self.ask(path, method="POST", body=REQUEST.format(ADDRESS, OUTLOOK))
            self.assertEqual(answer.status, 200, answer.text)
            protocol = answer.xml.find(f"{{{OUTLOOK}}}Response/{{{OUTLOOK}}}Account/{{{OUTLOOK}}}Protocol")
            said = {element.tag.rpartition("}")[2]: element.text for element in protocol}
            self.assertEqual(said["Type"], "SMTP")
            self.assertEqual((said["Server"], said["Port"], said["Encryption"], said["LoginName"]),
                             (HOST, str(self.relevo.ports["implicit"]), "SSL", ADDRESS))

    def test_the_json_leads_to_the_xml(self) -> None:
        answer = self.ask(f"/autodiscover/autodiscover.json?Email={ADDRESS}&Protocol=AutodiscoverV1")
        self.assertEqual(json.loads(answer.body), {"Protocol": "AutodiscoverV1",
                         "Url": f"https://{HOST}:{self.secure}/autodiscover/autodiscover.xml"})
        self.assertEqual(self.ask(f"/autodiscover/autodiscover.json?Email={ADDRESS}&Protocol=EWS").status, 400)

    # --- strangers

    def test_who_asks_about_another_domain_learns_nothing(self) -> None:
        for domain in ("elsewhere.test", "claimed.test"):   # the second is here, but not proven
            address = "ana@" + domain
            answers = [self.ask(f"{AUTOCONFIG_PATHS[0]}?emailaddress={address}"), self.ask(AUTOCONFIG_PATHS[1], domain),
                       self.ask(f"/autodiscover/autodiscover.json?Email={address}&Protocol=AutodiscoverV1"),
                       self.ask("/autodiscover/autodiscover.xml", method="POST", body=REQUEST.format(address, OUTLOOK))]
            self.assertEqual([answer.status for answer in answers], [404, 404, 404, 200], domain)
            self.assertEqual(answers[-1].texts("ErrorCode"), ["500"])
            for answer in answers:
                self.assertNotIn(HOST, answer.text)

    def test_bad_requests_end_in_an_answer(self) -> None:  # security row C8
        def code(body: str) -> list[str]:
            return self.ask("/autodiscover/autodiscover.xml", method="POST", body=body).texts("ErrorCode")

        entities = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><EMailAddress>&x;</EMailAddress></a>'
        deep = "<a>" * 5000
        for body in ("", "{}", "<a", entities, deep, REQUEST.format(ADDRESS + "x" * 20_000, OUTLOOK)):
            self.assertEqual(code(body), ["600"], body[:80])
        self.assertEqual(code(REQUEST.format(ADDRESS, OUTLOOK.replace("outlook", "mobilesync"))), ["601"])
        self.assertEqual(code(REQUEST.format("&lt;script&gt;@customer.test", OUTLOOK)), ["500"])
        too_long = {"Content-Length": "100000"}   # refused before the body is read
        self.assertEqual(self.ask("/autodiscover/autodiscover.xml", method="POST", **too_long).status, 413)
        self.assertEqual(self.ask(AUTOCONFIG_PATHS[0] + "?emailaddress=%zz", "customer.test").status, 200)

    # --- people

    def test_the_page_has_the_real_ports_in_both_languages(self) -> None:
        for asked, language in (({"Accept-Language": "es-ES"}, "es"), ({}, "en")):
            answer = self.ask("/settings", secure=False, **asked)
            self.assertEqual((answer.status, answer.fields["Content-Language"]), (200, language))
            self.assertIn("public", answer.fields["Cache-Control"])
            for word in (HOST, f"[{HOST}]:{self.relevo.ports['submission']}", f"{self.relevo.ports['implicit']} (SSL/TLS)"):
                self.assertIn(word, answer.text)
            self.assertNotIn(PASSWORD, answer.text)
        self.assertIn('<html lang="es">', self.ask("/settings?language=es").text)

    def test_the_samples_are_what_their_programs_read(self) -> None:
        page = self.ask("/settings").text
        samples = {anchor: html.unescape(sample) for anchor, sample in
                   re.findall(r'<section id="([a-z]+)">(?:(?!</section>).)*<pre>(.*?)</pre>', page, re.DOTALL)}
        self.assertEqual(set(samples), {"postfix", "exim", "msmtp", "phpmailer", "nodemailer"})
        php, node, msmtp = (self.folder / name for name in ("sample.php", "sample.js", "samplerc"))
        php.write_text("<?php\nuse PHPMailer\\PHPMailer\\PHPMailer;\n" + samples["phpmailer"])
        node.write_text("const nodemailer = require('nodemailer');\n" + samples["nodemailer"])
        msmtp.write_text(samples["msmtp"])
        msmtp.chmod(0o600)
        for command in (["php", "-l", php], ["node", "--check", node], ["msmtp", "--file", msmtp, "--pretend", "bob@destination.test"]):
            done = subprocess.run(command, input="", text=True, capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, (command, done.stdout, done.stderr))
        self.assertIn(f"host = {HOST}\n", done.stdout)
        self.assertIn("tls_starttls = on\n", done.stdout)

    def test_whoever_makes_a_credential_is_told_where_the_page_is(self) -> None:
        url = f"https://{HOST}:{self.secure}/settings"
        self.assertEqual(self.made["settings_url"], url)
        self.assertIn(url, self.relevo.run("credential", "add", "--tenant", "customer").output)
        told = self.relevo.run("settings").output
        self.assertIn(url, told)
        self.assertIn(f"{self.relevo.ports['submission']} with STARTTLS", told)

    # --- the DNS

    @unittest.skipUnless(os.geteuid() == 0, "needs root: the system's resolver asks port 53 alone")
    def test_msmtp_sets_itself_up_from_the_printed_zone_and_sends(self) -> None:  # RFC 6186, RFC 8314 §5.1
        zone = ZoneServer(self.folder / "nsd", "customer.test", loopback.address(53), port=53)
        self.addCleanup(zone.stop)
        printed = self.relevo.run("domain", "dns", "customer.test", "--zone").output
        for name, port in (("_submissions", "implicit"), ("_submission", "submission")):
            self.assertRegex(printed, rf"(?m)^{name}\._tcp\.customer\.test\. \d+ IN SRV \d+ 1 "
                                      rf"{self.relevo.ports[port]} {re.escape(HOST)}\.$")
        zone.publish(printed + "\nmail 1 IN A 127.0.0.1\n")
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {zone.host}\noptions timeout:2 attempts:2\n")

        def msmtp(*words: str, given: bytes = b"") -> subprocess.CompletedProcess:
            return subprocess.run(
                mounts.unshared('mount --bind "$1" /etc/resolv.conf && shift && exec msmtp "$@"', str(resolver), *words),
                input=given, capture_output=True, timeout=60)

        done = msmtp("--configure", ADDRESS)
        self.assertEqual(done.returncode, 0, done.stderr)
        configuration = done.stdout.decode()
        self.assertRegex(configuration, rf"(?m)^host {re.escape(HOST)}$")
        self.assertRegex(configuration, rf"(?m)^port {self.relevo.ports['implicit']}$")
        # What is left to the person: the password, and the login, of which msmtp takes what stands before the "@". The
        # certificate is nobody's but the test's.
        self.assertRegex(configuration, r"(?m)^user ana$")
        file = self.folder / "msmtprc"
        lines = [line for line in configuration.splitlines() if not line.startswith("user ")]
        lines += [f"user {ADDRESS}", f'password "{PASSWORD}"', f"tls_trust_file {self.certificate}"]
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o600)
        sink = self.sink()
        sent = msmtp("--file", str(file), "--account", ADDRESS, "bob@destination.test",
                     given=b"From: ana@customer.test\r\nSubject: by SRV\r\n\r\nHello\r\n")
        self.assertEqual(sent.returncode, 0, sent.stderr.decode() + configuration)
        [message] = sink.wait_for(1)
        self.assertIn(b"Subject: by SRV", message.content)


if __name__ == "__main__":
    unittest.main()
