"""One message through each program that people send mail with."""

import base64
import dataclasses
import json
import pathlib
import smtplib
import ssl
import subprocess

import peers  # noqa: F401  (sets the path of the harness)
from harness.conversation import trusting


@dataclasses.dataclass
class Server:
    """How a client logs in."""
    host: str
    port: int
    login: str
    password: str


def _run(*command: str, input: bytes = b"") -> None:
    done = subprocess.run(command, input=input, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: exit status {done.returncode}\n{done.stdout.decode(errors='replace')}"
                             f"{done.stderr.decode(errors='replace')}")


def swaks(server: Server, sender: str, recipients: list[str], content: bytes, folder: pathlib.Path,
          mechanism: str = "PLAIN", tls: str = "--tls") -> None:
    file = folder / "swaks.eml"
    file.write_bytes(content.removesuffix(b"\r\n"))  # it ends the last line itself
    _run("swaks", "--server", f"{server.host}:{server.port}", tls, "--auth", mechanism, "--auth-user", server.login,
         "--auth-password", server.password, "--from", sender, "--to", ",".join(recipients), "--data", f"@{file}",
         "--ehlo", "swaks.client.test")


def smtplib_login(server: Server, sender: str, recipients: list[str], content: bytes, folder: pathlib.Path) -> None:
    with smtplib.SMTP_SSL(server.host, server.port, context=trusting(), timeout=30,
                          local_hostname="python.client.test") as client:
        client.ehlo()
        client.user, client.password = server.login, server.password
        client.auth("LOGIN", client.auth_login, initial_response_ok=False)
        client.sendmail(sender, recipients, content, mail_options=["BODY=8BITMIME"])


def nodemailer(server: Server, sender: str, recipients: list[str], content: bytes, folder: pathlib.Path) -> None:
    script = """
const nodemailer = require('nodemailer');
const o = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const transport = nodemailer.createTransport({host: o.host, port: o.port, secure: false, requireTLS: true,
  auth: {user: o.login, pass: o.password}, tls: {rejectUnauthorized: false}, name: 'node.client.test'});
transport.sendMail({envelope: {from: o.sender, to: o.recipients, use8BitMime: true}, raw: Buffer.from(o.content, 'base64')})
  .then(() => process.exit(0), error => { console.error(error); process.exit(1); });
"""
    order = {"host": server.host, "port": server.port, "login": server.login, "password": server.password,
             "sender": sender, "recipients": recipients, "content": base64.b64encode(content).decode()}
    done = subprocess.run(["node", "-e", script], input=json.dumps(order).encode(), capture_output=True, timeout=60,
                          cwd=peers.ensure_nodemailer())
    if done.returncode != 0:
        raise AssertionError(f"nodemailer: {done.stderr.decode(errors='replace')}")


def curl(server: Server, sender: str, recipients: list[str], content: bytes, folder: pathlib.Path) -> None:
    file = folder / "curl.eml"
    file.write_bytes(content)
    to = [word for recipient in recipients for word in ("--mail-rcpt", recipient)]
    _run("curl", "--silent", "--show-error", "--ssl-reqd", "--insecure", "--url",
         f"smtp://{server.host}:{server.port}/curl.client.test", "--user", f"{server.login}:{server.password}",
         "--mail-from", sender, *to, "--upload-file", str(file), "--max-time", "30")


def msmtp(server: Server, sender: str, recipients: list[str], content: bytes, folder: pathlib.Path,
          mechanism: str = "scram-sha-256") -> None:
    _run("msmtp", "--file=/dev/null", f"--host={server.host}", f"--port={server.port}", "--tls=on", "--tls-starttls=on",
         "--tls-certcheck=off", f"--auth={mechanism}", f"--user={server.login}",
         f"--passwordeval=printf %s '{server.password}'", f"--from={sender}", "--domain=msmtp.client.test",
         "--timeout=30", "--undisclosed-recipients=off", *recipients, input=content.replace(b"\r\n", b"\n"))


__all__ = ["Server", "swaks", "smtplib_login", "nodemailer", "curl", "msmtp", "ssl"]
