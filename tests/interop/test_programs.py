"""Programs that people send with, unchanged but for address and key: SendGrid's library for Node.js, PHPMailer."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import peers  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import WebTestCase  # noqa: E402
from harness.relevo import PASSWORD  # noqa: E402

SENDGRID = """
const mail = require('@sendgrid/mail');
const client = require('@sendgrid/client');
const [url, key, message] = process.argv.slice(1);
mail.setClient(client);
mail.setApiKey(key);
client.setDefaultRequest('baseUrl', url);
mail.send(JSON.parse(message)).then(
    ([answer]) => console.log(JSON.stringify({status: answer.statusCode, id: answer.headers['x-message-id']})),
    (error) => console.log(JSON.stringify({status: error.code, errors: error.response && error.response.body.errors})));
"""

PHPMAILER = """<?php
require '/usr/share/php/libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->isSMTP();
$mail->Host = $argv[1]; $mail->Port = (int) $argv[2]; $mail->SMTPAuth = true;
$mail->Username = $argv[3]; $mail->Password = $argv[4]; $mail->SMTPSecure = $argv[5];
$mail->SMTPOptions = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true]];
$mail->CharSet = 'UTF-8';
$mail->setFrom('ana@customer.test', 'Ana Ñ');
$mail->addAddress('bob@destination.test');
$mail->Subject = 'Desde PHP ñ';
$mail->isHTML(true);
$mail->Body = '<p>Hola</p>';
$mail->AltBody = 'Hola';
$mail->addStringAttachment('10 EUR', 'factura.txt');
$mail->send();
echo 'sent';
"""


class Programs(WebTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.key = cls.relevo.ask("key", "add", "node", "--tenant", "customer", "--scope", "messages:send")["key"]

    def sendgrid(self, message: dict) -> dict:
        folder = peers.ensure_node_package("@sendgrid/mail", "8.1.6")
        done = subprocess.run(["node", "-e", SENDGRID, f"http://127.0.0.1:{self.web_port}/", self.key, json.dumps(message)],
                              cwd=folder, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_sendgrids_library(self) -> None:
        sink = self.sink()
        answer = self.sendgrid({"to": ["bob@destination.test"], "from": {"email": "ana@customer.test", "name": "Ana"},
                                "subject": "From Node", "text": "Hello", "html": "<p>Hello</p>",
                                "headers": {"X-Order": "7"},
                                "attachments": [{"content": "MTAgRVVS", "filename": "invoice.txt", "type": "text/plain",
                                                 "disposition": "attachment"}]})
        self.assertEqual(answer["status"], 202, answer)
        self.assertTrue(answer["id"].startswith("msg_"))
        content = sink.wait_for(1)[0].content.decode()
        for part in ("Subject: From Node", "X-Order: 7", "multipart/alternative", "invoice.txt"):
            self.assertIn(part, content)

    def test_a_personalization_is_a_message(self) -> None:
        sink = self.sink()
        answer = self.sendgrid({"from": "ana@customer.test", "subject": "Hi {{name}}", "text": "Dear {{name}}",
                                "personalizations": [{"to": [{"email": f"{name}@destination.test"}], "substitutions": {"name": name}}
                                                     for name in ("bob", "eve")]})
        self.assertEqual(answer["status"], 202, answer)
        letters = {letter.recipients[0][0]: letter.content.decode() for letter in sink.wait_for(2)}
        for name in ("bob", "eve"):
            self.assertIn(f"Subject: Hi {name}", letters[f"{name}@destination.test"])
            self.assertIn(f"Dear {name}", letters[f"{name}@destination.test"])

    def test_what_is_wrong_comes_in_sendgrids_form(self) -> None:
        answer = self.sendgrid({"to": "bob@destination.test", "from": "ceo@bank.test", "subject": "x", "text": "x"})
        self.assertEqual(answer["status"], 400, answer)
        self.assertIn("bank.test", answer["errors"][0]["message"])
        answer = self.sendgrid({"to": "bob@destination.test", "from": "ana@customer.test", "subject": "x", "text": "x",
                                "templateId": "d-123"})
        self.assertEqual((answer["status"], answer["errors"][0]["field"]), (400, "template_id"), answer)
        wrong = Api("127.0.0.1", self.web_port, "rlv_wrong").post("/api/../v3/mail/send", {})
        self.assertIn(wrong.status, (401, 404))

    def test_a_sandbox_sends_nothing(self) -> None:
        sink = self.sink()
        answer = self.sendgrid({"to": "bob@destination.test", "from": "ana@customer.test", "subject": "x", "text": "x",
                                "mailSettings": {"sandboxMode": {"enable": True}}})
        self.assertEqual(answer["status"], 200, answer)
        self.sendgrid({"to": "bob@destination.test", "from": "ana@customer.test", "subject": "after", "text": "x"})
        self.assertEqual(len(sink.wait_for(1)), 1)

    def test_phpmailer(self) -> None:
        peers.ensure_packages("php-cli", "libphp-phpmailer")
        script = self.folder / "send.php"
        script.write_text(PHPMAILER)
        for listener, security in (("submission", "tls"), ("implicit", "ssl")):
            with self.subTest(security):
                sink = self.sink()
                done = subprocess.run(["php", str(script), self.relevo.host, str(self.relevo.ports[listener]), "ana", PASSWORD,
                                       security], capture_output=True, text=True, timeout=30)
                self.assertEqual((done.returncode, done.stdout), (0, "sent"), done.stdout + done.stderr)
                self.assertIn(b"factura.txt", sink.wait_for(1)[0].content)
                sink.stop()


if __name__ == "__main__":
    unittest.main()
