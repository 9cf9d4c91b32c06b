"""Relevo as a process of the test: configuration, start, stop, command line, log."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from . import loopback
from .conversation import Conversation

ROOT = pathlib.Path(__file__).resolve().parents[3]
PASSWORD = "Correct-horse:battery%staple9"


def binary() -> str:
    """$RELEVO_BINARY, or the newest build."""
    named = os.environ.get("RELEVO_BINARY")
    if named:
        return named
    built = [path for path in (ROOT / "build/release/relevo", ROOT / "build/dev/relevo") if path.is_file()]
    if not built:
        raise RuntimeError("no relevo to test: build it, or name it in RELEVO_BINARY")
    return str(max(built, key=lambda path: path.stat().st_mtime))


def toml(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(entry) for entry in value) + "]"
    return json.dumps(str(value))


def write_toml(sections: dict) -> str:
    """{"server": {…}, "listener": [{…}, {…}]}: a list makes one [[section]] for each entry."""
    lines = []
    for name, content in sections.items():
        for entry in content if isinstance(content, list) else [content]:
            lines.append(f"[[{name}]]" if isinstance(content, list) else f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in entry.items()]
            lines.append("")
    return "\n".join(lines)


def merged(base: dict, changes: dict) -> dict:
    """Settings of single sections are merged; lists of sections ([[listener]], [[route]]) are replaced."""
    result = {name: dict(value) if isinstance(value, dict) else value for name, value in base.items()}
    for name, value in changes.items():
        if isinstance(value, dict):
            result[name] = {**result.get(name, {}), **value}
            result[name] = {key: entry for key, entry in result[name].items() if entry is not None}
        else:
            result[name] = value
    return result


@dataclasses.dataclass
class Command:
    """How one run of the command line ended."""
    code: int
    output: str
    errors: str

    @property
    def value(self):
        return json.loads(self.output)


class Relevo:
    """One server with a store of its own. `settings` changes the usual configuration, as merged() does.

    The usual listeners, all on `self.host`: "submission" and "second" (STARTTLS), "implicit" (TLS at once), "relay" (role
    relay, no AUTH); their ports are in self.ports.
    """

    def __init__(self, *, settings: dict | None = None, dns: str | None = None, mail_port: int = 25,
                 folder: pathlib.Path | None = None, host: str = "127.0.0.1", environment: dict | None = None):
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="relevo-"))
        self._owns_folder = folder is None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.ports = {name: loopback.free_port(host) for name in ("submission", "second", "implicit", "relay")}
        self.environment = environment or {}
        self.process: subprocess.Popen | None = None
        self.log_path = self.folder / "relevo.log"
        self.configuration = self.folder / "relevo.toml"
        self.settings = merged(self._usual(dns, mail_port), settings or {})
        self.limits: list[str] = []  # a command put before the server, such as prlimit
        self.launch_options: dict = {}  # more for its subprocess.Popen
        self.configure()

    def _usual(self, dns: str | None, mail_port: int) -> dict:
        def listener(name: str, **more) -> dict:
            return {"name": name, "address": [f"{self.host}:{self.ports[name]}"], **more}

        return {
            "server": {"host_name": "mail.relevo.test", "data_dir": str(self.folder / "data"),
                       "run_dir": str(self.folder / "run"), "shards": 2, "drain_time": "8s"},
            "listener": [
                listener("submission", role="submission", tls="starttls", auth="required"),
                listener("second", role="submission", tls="starttls", auth="required"),
                listener("implicit", role="submission", tls="implicit", auth="required"),
                listener("relay", role="relay", tls="starttls", auth="none"),
            ],
            "limits": {"command_timeout": "60s"},
            "queue": {"retry_schedule": ["1s"], "jitter": 0, "disk_reserve": "1MiB"},
            "delivery": {"port": mail_port, "allow_private_addresses": True, "connect_timeout": "5s",
                         "greeting_timeout": "10s", "command_timeout": "10s", "data_start_timeout": "10s",
                         "data_block_timeout": "10s", "data_end_timeout": "10s", "idle_timeout": "1s"},
            "dns": {"servers": [dns] if dns else ["127.0.0.1@9"], "trust_anchor_file": "", "timeout": "5s"},
            # A recipient that one test has refused must be there for the next one.
            "suppression": {"hard_bounces": False, "soft_bounces": 0},
            "log": {"level": "debug", "format": "json"},
        }

    def configure(self, changes: dict | None = None) -> None:
        """Writes the file; a running server learns of it by reload()."""
        if changes:
            self.settings = merged(self.settings, changes)
        self.configuration.write_text(write_toml(self.settings))

    # --- the process

    def launch(self) -> subprocess.Popen:
        """Starts the process and does not wait for anything."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.limits, binary(), "--config", str(self.configuration), "serve"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment}, **self.launch_options)
        return self.process

    def start(self) -> "Relevo":
        self.launch()
        for listener in self.settings["listener"]:
            host, _, port = listener["address"][0].rpartition(":")
            if listener.get("tls") == "implicit" or listener.get("proxy_networks"):
                continue
            self._guarded(lambda: loopback.wait_for_greeting(host.strip("[]"), int(port), self.is_alive))
        return self

    def _guarded(self, action):
        try:
            return action()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_end()}") from None

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds: float = 20.0) -> None:
        """SIGTERM; it must end by itself, with status 0, and no sanitizer may have complained."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.terminate()
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise AssertionError(f"relevo did not end within {seconds:g} s of SIGTERM\n{self.log_end()}") from None
        if code != 0:
            raise AssertionError(f"relevo ended with status {code}\n{self.log_end()}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(5)
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def hang_up(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def close(self) -> None:
        """Stops it if it still runs, and removes its folder."""
        try:
            self.stop()
        finally:
            self.kill()
            if self._owns_folder and not os.environ.get("RELEVO_KEEP_FOLDERS"):
                shutil.rmtree(self.folder, ignore_errors=True)

    # --- what it says

    def log_text(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_end(self, lines: int = 40) -> str:
        return f"--- the end of {self.log_path}:\n" + "\n".join(self.log_text().splitlines()[-lines:])

    def log_entries(self, event: str | None = None) -> list[dict]:
        entries = []
        for line in self.log_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and (event is None or event in entry.values()):
                entries.append(entry)
        return entries

    def wait_for_log(self, event: str, seconds: float = 10.0, **fields) -> dict:
        """The first line of that event whose fields have these values (or contain them, if they are texts)."""

        def found():
            for entry in self.log_entries(event):
                if all(value in str(entry.get(key, "")) if isinstance(value, str) else entry.get(key) == value
                       for key, value in fields.items()):
                    return entry
            return None

        return self._guarded(lambda: loopback.wait_until(found, f"log line {event} {fields}", seconds))

    # --- the command line

    def run(self, *arguments: str, code: int | None = 0, input: str | None = None, seconds: float = 40) -> Command:
        """One command in text form. `code`: the exit status it must have; None: any."""
        done = subprocess.run([binary(), "--config", str(self.configuration), *arguments], input=input or "", text=True,
                              capture_output=True, timeout=seconds, env={**os.environ, **self.environment})
        if code is not None and done.returncode != code:
            raise AssertionError(f"relevo {' '.join(arguments)}: exit status {done.returncode}, expected {code}\n"
                                 f"{done.stdout}{done.stderr}\n{self.log_end(15)}")
        return Command(done.returncode, done.stdout, done.stderr)

    def ask(self, *arguments: str, **more):
        """One command with --json; its result."""
        return self.run("--json", *arguments, **more).value

    def control(self, command: str, **arguments):
        """One request over the control socket; its result."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(pathlib.Path(self.settings["server"]["run_dir"]) / "control.sock"))
            client.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n") and (octets := client.recv(1 << 20)):
                answer += octets
        result = json.loads(answer)
        if not result["ok"]:
            raise AssertionError(f"{command} {arguments}: {result['error']}")
        return result["result"]

    def add_tenant(self, name: str = "customer", domains: tuple[str, ...] = ("customer.test",),
                   language: str = "en", **domain_options) -> None:
        self.control("tenant.add", name=name, language=language)
        for domain in domains:
            self.control("domain.add", tenant=name, domain=domain, **{"trusted": True, **domain_options})

    def add_credential(self, login: str = "ana", tenant: str = "customer", password: str = PASSWORD, **options) -> dict:
        return self.control("credential.add", tenant=tenant, login=login, password=password, **options)

    # --- its sessions

    def converse(self, listener: str = "submission", **options) -> Conversation:
        return Conversation(self.host, self.ports[listener], tls=listener == "implicit", **options)

    def log_in(self, login: str = "ana", password: str = PASSWORD, listener: str = "submission", **options):
        conversation = self.converse(listener, **options)
        try:
            conversation.log_in(login, password)
        except BaseException:
            conversation.close()
            raise
        return conversation

    def submit(self, content: bytes, recipients: list[str] | str, sender: str = "ana@customer.test", login: str = "ana",
               **options) -> str:
        """One message over a session of its own. Returns its id."""
        with self.log_in(login) as session:
            reply = session.submit(sender, recipients, content, **options)
            if reply.code != 250:
                raise AssertionError(f"not accepted: {reply}\n{self.log_end()}")
            return message_id(reply)


def message_id(reply) -> str:
    """The id that the reply to an accepted message names."""
    for word in reply.text.replace("<", " ").replace(">", " ").split():
        if word.strip(".,;").startswith("msg_"):
            return word.strip(".,;")
    raise AssertionError(f"no message id in {reply}")
