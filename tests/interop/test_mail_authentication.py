"""DKIM held against five other implementations, both ways: what we sign they verify, what they sign we verify, over random
messages with what real mail has: 8-bit text, long lines, folded and repeated fields, empty bodies, blank lines at the end.

RELEVO_FULL=1: 1,000 messages for each peer instead of 24. Prints a table of what was verified.
"""

import base64
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import peers  # noqa: E402
from harness import loopback, mail  # noqa: E402
from harness.relevo import binary  # noqa: E402
from harness.changing_zone import ChangingZone, encode_text  # noqa: E402

COUNT = 1000 if os.environ.get("RELEVO_FULL") else 24
DOMAIN = "example.com"
CANONICAL = ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple")
PROGRAMS = pathlib.Path(__file__).resolve().parent / "dkim_peers"
SECONDS = 60 + COUNT


class Messages:
    """Random, and the same in every run."""

    WORDS = ("hola", "mail", "ñandú", "€uro", "漢字", "x" * 70, "a=b", "100%", ";", "..", "-- ", "From here", "\u00a0", "https://example.com/?q=1")

    def __init__(self, seed: int):
        self.chance = random.Random(seed)

    def line(self) -> str:
        kind = self.chance.random()
        if kind < 0.15:
            return ""
        if kind < 0.2:
            return self.chance.choice((" ", "\t", "  \t ", ".", "..", "From x"))
        words = [self.chance.choice(self.WORDS) for _ in range(self.chance.randint(1, 9))]
        text = self.chance.choice((" ", "  ", "\t", " \t ")).join(words)
        if kind > 0.95:
            text = (text + " ") * (900 // (len(text.encode()) + 1) + 1)
            text = text.encode()[:990].decode(errors="ignore")
        return text + self.chance.choice(("", "", "", " ", "\t", " \t  "))

    def folded(self, text: str) -> str:
        return re.sub(" ", lambda _: self.chance.choice((" ", " ", "\r\n ", "\r\n\t", "\r\n   ", " \r\n ")), text)

    def message(self) -> bytes:
        pick = self.chance.choice
        ascii_words = ("report", "of", "the", "month", "=?utf-8?q?a=C3=B1o?=", "12:30", "(comment)", '"quoted"')
        words = " ".join(pick(ascii_words) for _ in range(self.chance.randint(1, 14)))
        fields = [f"From:{pick((' ', '', '  '))}Ana <ana@{DOMAIN}>", "To: " + self.folded("bob@example.net, eva@example.org, z@x.example"),
                  "Subject: " + self.folded(words), "Date: Mon, 23 Nov 2026 12:00:00 +0000",
                  f"{pick(('Message-ID', 'Message-Id', 'MESSAGE-ID'))}: <{self.chance.randrange(10 ** 12)}@{DOMAIN}>"]
        fields += [f"{pick(('Received', 'received'))}: " + self.folded(f"from a{i} (b [192.0.2.{i}]) by c with ESMTP; now")
                   for i in range(self.chance.randint(0, 3))]
        # No blank before the colon (RFC 5322 §4.5.8 has it as obsolete): python3-dkim refuses such messages.
        fields += [f"X-{pick('abc')}:{pick(('', ' '))}" + self.folded(words) + pick(("", " ", "\t"))
                   for _ in range(self.chance.randint(0, 4))]
        if self.chance.random() < 0.3:
            fields += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
        if self.chance.random() < 0.2:
            fields.append("Comments: one")
            fields.append("Comments: two")
        first = fields.pop(0)
        self.chance.shuffle(fields)
        fields.insert(self.chance.randint(0, len(fields)), first)
        size = pick((0, 0, 1, 3, 10, 40))
        body = "".join(self.line() + "\r\n" for _ in range(size)) + "\r\n" * pick((0, 0, 1, 5))
        return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


class Peer:
    """Another implementation. verify() and sign() take all files at once."""

    algorithms = ("rsa-sha256",)
    canonical = CANONICAL

    def __init__(self, name: str, command: list[str], **environment: str):
        self.name, self.command, self.environment = name, command, {**os.environ, **environment}

    def _do(self, **job) -> list[dict]:
        job["files"] = [str(file) for file in job["files"]]
        done = subprocess.run(self.command, input=json.dumps(job).encode(), capture_output=True, timeout=SECONDS,
                              env=self.environment)
        if done.returncode != 0:
            raise AssertionError(f"{self.name}: {done.stderr.decode()[-2000:]}")
        return json.loads(done.stdout)

    def verify(self, files: list, records: dict[str, str]) -> list[tuple[bool, str]]:
        return [(one["valid"], one["why"]) for one in self._do(files=files, records=records)]

    def knows(self, file: pathlib.Path) -> bool:
        """Whether it treats messages like this one as the standard says."""
        return True

    def verify_chains(self, files: list, records: dict[str, str]) -> list[tuple[bool, str]]:
        return [(one["valid"], one["why"]) for one in self._do(files=files, records=records, arc=True)]

    def sign(self, files: list, key: pathlib.Path, algorithm: str, selector: str, canonical: str) -> list[bytes]:
        made = self._do(files=files, records={}, key=str(key), algorithm=algorithm, domain=DOMAIN, selector=selector,
                        canonical=canonical)
        return [one["field"].encode() for one in made]


class WithEd25519(Peer):
    algorithms = ("rsa-sha256", "ed25519-sha256")


class OpenDkim(Peer):
    """OpenDKIM's own test mode: the whole filter without a mail server."""

    # The filter protocol does not tell it which blanks stand behind a colon, so its simple form of fields is a guess.
    canonical = tuple(form for form in CANONICAL if form.startswith("relaxed/"))

    def __init__(self, folder: pathlib.Path):
        super().__init__("opendkim", [shutil.which("opendkim") or "/usr/sbin/opendkim"])
        self.folder = folder
        folder.mkdir()

    def _run(self, files: list, settings: dict[str, str]) -> str:
        configuration = self.folder / "opendkim.conf"
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        done = subprocess.run([*self.command, "-x", configuration, "-vv", "-t", ",".join(map(str, files))],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        return done.stdout.decode() + done.stderr.decode()

    def verify(self, files, records):
        keys = self.folder / "keys"
        keys.write_text("".join(f"{name} {text}\n" for name, text in records.items()))
        text = self._run(files, {"Mode": "v", "TestPublicKeys": keys})
        said = dict(re.findall(r"^opendkim: (\S+): verification \(.*?\) (.*)$", text, re.M))
        return [(said.get(str(file)) == "succeeded", said.get(str(file), "nothing said")) for file in files]

    def sign(self, files, key, algorithm, selector, canonical):
        text = self._run(files, {"Mode": "s", "Domain": DOMAIN, "Selector": selector, "KeyFile": key, "Canonicalization": canonical,
                                 "InternalHosts": "0.0.0.0/0", "RequireSafeKeys": "no", "SignatureAlgorithm": algorithm})
        values = re.findall(r"hname='DKIM-Signature' hvalue='([^']*)'", text)
        if len(values) != len(files):
            raise AssertionError(f"opendkim signed {len(values)} of {len(files)}: {text[-1500:]}")
        return [("DKIM-Signature: " + re.sub(r"\r?\n", "\r\n", value) + "\r\n").encode() for value in values]


class Rspamd(Peer):
    """A scanner that runs while it verifies or signs a batch, on a port of loopback; keys come from a DNS server of ours."""

    algorithms = ("rsa-sha256", "ed25519-sha256")
    canonical = ("relaxed/relaxed",)  # it signs in no other form

    def __init__(self, folder: pathlib.Path):
        super().__init__("rspamd", [shutil.which("rspamd") or "/usr/bin/rspamd"])
        self.folder = folder
        folder.mkdir()
        (folder / "tld").write_text("com\n")  # a list of all of them takes it half a minute to read

    def knows(self, file):
        # A body of blanks alone is empty in the relaxed form (RFC 6376 §3.4.4), as all others have it; it hashes one CRLF.
        body = mail.split(file.read_bytes())[1]
        return bool(body.strip()) or not body.strip(b"\r\n")

    def _configuration(self, port: int, zone: ChangingZone, signing: str) -> str:
        return f"""
            options {{
                pidfile = "{self.folder}/pid"; cache_file = "{self.folder}/cache"; tempdir = "{self.folder}";
                history_file = "{self.folder}/history"; stats_file = "{self.folder}/stats"; hs_cache_dir = "{self.folder}/";
                control_socket = "{self.folder}/control mode=0600"; dynamic_conf = "{self.folder}/dynamic";
                url_tld = "{self.folder}/tld"; filters = "dkim"; check_all_filters = true; allow_raw_input = true;
                dns {{ nameserver = ["{zone.address.replace('@', ':')}"]; timeout = 5s; retransmits = 2; }}
            }}
            logging {{ type = "file"; filename = "{self.folder}/log"; level = "info"; }}
            worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
            modules {{ path = "/usr/share/rspamd/plugins/"; }}
            dkim {{ check_local = true; check_authed = true; trusted_only = false; }}
            arc {{ check_local = true; check_authed = true; sign_local = false; sign_inbound = false; }}
            {signing}
        """

    def _post_all(self, files: list, records: dict[str, str], signing: str = "") -> list[dict]:
        zone, port = ChangingZone(), loopback.free_port()
        for name, text in records.items():
            zone.add(name, "TXT", encode_text([text.encode()]))
        configuration = self.folder / "rspamd.conf"
        configuration.write_text(self._configuration(port, zone, signing))
        # --insecure: as the user that the test has, root or not; it takes nothing from anybody but the test.
        with open(self.folder / "output", "wb") as output:
            process = subprocess.Popen([*self.command, "--no-fork", "--insecure", "--config", configuration],
                                       stdout=output, stderr=output)
        try:
            loopback.wait_until(lambda: self._answers(port), f"rspamd; see {self.folder}/log", 60.0, 0.1)
            return [self._post(port, pathlib.Path(file).read_bytes()) for file in files]
        finally:
            process.terminate()
            process.wait(20)
            zone.stop()

    @staticmethod
    def _answers(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    @staticmethod
    def _post(port: int, content: bytes) -> dict:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/checkv2", data=content, headers={"IP": "127.0.0.1"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.loads(reply.read())

    def verify(self, files, records):
        found = [said["symbols"] for said in self._post_all(files, records)]
        return [("R_DKIM_ALLOW" in symbols and "R_DKIM_REJECT" not in symbols, json.dumps(symbols)) for symbols in found]

    def verify_chains(self, files, records):
        found = [said["symbols"] for said in self._post_all(files, records)]
        return [("ARC_ALLOW" in symbols, json.dumps(symbols)) for symbols in found]

    def sign(self, files, key, algorithm, selector, canonical):
        own = self.folder / "key"
        if algorithm == "ed25519-sha256":  # it reads the bare octets, which end the PKCS #8 form
            der = subprocess.run(["openssl", "pkey", "-in", key, "-outform", "DER"], check=True, capture_output=True, timeout=60)
            own.write_text(base64.b64encode(der.stdout[-32:]).decode())
        else:
            own.write_bytes(key.read_bytes())
        signing = f"""
            dkim_signing {{
                path = "{own}"; selector = "{selector}"; use_domain = "header"; use_esld = false; check_pubkey = false;
                sign_local = true; allow_hdrfrom_mismatch = true; allow_username_mismatch = true; allow_envfrom_empty = true;
            }}
        """
        said = self._post_all(files, {}, signing)
        unsigned = [str(file) for file, one in zip(files, said, strict=True) if "dkim-signature" not in one]
        if unsigned:
            raise AssertionError(f"rspamd did not sign {unsigned}: {(self.folder / 'log').read_text()[-2000:]}")
        return [("DKIM-Signature: " + re.sub(r"\r?\n", "\r\n", one["dkim-signature"]) + "\r\n").encode() for one in said]


def all_peers(folder: pathlib.Path) -> list[Peer]:
    peers.ensure_packages("python3-dkim", "python3-nacl", "opendkim", "libmail-dkim-perl", "rspamd")
    node = peers.ensure_node_package("mailauth", "4.8.0")
    return [WithEd25519("python3-dkim", ["/usr/bin/python3", str(PROGRAMS / "python3_dkim.py")]),
            OpenDkim(folder / "opendkim"),
            Rspamd(folder / "rspamd"),
            Peer("Mail::DKIM", ["/usr/bin/perl", str(PROGRAMS / "mail_dkim.pl")]),
            WithEd25519("mailauth", ["node", str(PROGRAMS / "mailauth.cjs")], NODE_PATH=str(node / "node_modules"))]


class TestDkim(unittest.TestCase):
    longMessage = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.addClassCleanup(cls.print_table)
        cls.table: list[str] = []
        cls.peers = all_peers(cls.folder)
        cls.keys = {}
        for algorithm, kind in (("rsa-sha256", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed25519-sha256", ["ED25519"])):
            cls.keys[algorithm] = cls.folder / f"{algorithm}.pem"
            subprocess.run(["openssl", "genpkey", "-algorithm", *kind, "-out", cls.keys[algorithm]], check=True,
                           capture_output=True, timeout=60)
        messages = Messages(6376)
        cls.contents = [messages.message() for _ in range(COUNT)]
        cls.files = [cls.write(f"message-{i}", content) for i, content in enumerate(cls.contents)]
        cls.records = {}
        for algorithm in cls.keys:
            shown = json.loads(cls.relevo_sign(cls.files[0], algorithm, "--json"))
            cls.records[shown["record_name"]] = shown["record"]
        cls.zone = cls.folder / "zone"
        cls.zone.write_text("".join(
            f"{name}. TXT " + " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200)) + "\n"
            for name, text in cls.records.items()))

    @classmethod
    def print_table(cls) -> None:
        print("\n" + "\n".join(cls.table), file=sys.stderr)

    @classmethod
    def write(cls, name: str, content: bytes) -> pathlib.Path:
        path = cls.folder / name
        path.write_bytes(content)
        return path

    @staticmethod
    def selector(algorithm: str) -> str:
        return "ed" if algorithm.startswith("ed") else "rsa"

    @classmethod
    def relevo_sign(cls, file: pathlib.Path, algorithm: str, *more: str) -> bytes:
        return subprocess.run([binary(), "dkim", "sign", file, "--domain", DOMAIN, "--selector", cls.selector(algorithm), "--key",
                               cls.keys[algorithm], *more], capture_output=True, check=True, timeout=60).stdout

    def relevo_verify(self, file: pathlib.Path) -> tuple[bool, str]:
        done = subprocess.run([binary(), "dkim", "check", file, "--dns", self.zone, "--json"], capture_output=True, timeout=60)
        found = json.loads(done.stdout)["dkim"]
        return len(found) == 1 and found[0]["result"] == "pass", json.dumps(found)

    def require(self, what: str, outcomes: list[tuple[bool, str]], files: list) -> None:
        bad = [(str(file), why) for (good, why), file in zip(outcomes, files, strict=True) if not good]
        self.table.append(f"{what}: {len(outcomes) - len(bad)} of {len(outcomes)}")
        detail = "" if not bad else f"{bad[0][1]}\n{pathlib.Path(bad[0][0]).read_bytes()[:3000]!r}"
        self.assertEqual(len(bad), 0, f"{what}: {detail}")

    def test_what_we_sign_everybody_verifies(self):
        for algorithm in self.keys:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                signed = list(pool.map(lambda file: self.relevo_sign(file, algorithm), self.files))
            files = [self.write(f"ours-{algorithm}-{i}", content) for i, content in enumerate(signed)]
            for one, content in zip(signed, self.contents, strict=True):
                self.assertTrue(one.endswith(content) and one.startswith(b"DKIM-Signature:"))
            for peer in self.peers:
                if algorithm in peer.algorithms:
                    with self.subTest(peer=peer.name, algorithm=algorithm):
                        known = [file for file in files if peer.knows(file)]
                        self.require(f"relevo to {peer.name}, {algorithm}", peer.verify(known, self.records), known)

    def test_what_we_sign_nobody_verifies_once_it_is_changed(self):
        signed = self.relevo_sign(self.files[0], "rsa-sha256")
        changed = [self.write("changed-body", signed + b"more\r\n"),
                   self.write("changed-field", signed.replace(b"Mon, 23", b"Tue, 24")),
                   self.write("added-field", b"From: eva@example.com\r\n" + signed)]
        for peer in self.peers:
            with self.subTest(peer=peer.name):
                self.assertEqual([good for good, _ in peer.verify(changed, self.records)], [False] * 3)

    def test_what_everybody_signs_we_verify(self):
        for peer in self.peers:
            for algorithm in peer.algorithms:
                files = []
                # Each form for its share of the messages.
                for turn, canonical in enumerate(peer.canonical):
                    share = [file for file in self.files[turn::len(peer.canonical)] if peer.knows(file)]
                    fields = peer.sign(share, self.keys[algorithm], algorithm, self.selector(algorithm), canonical)
                    files += [self.write(f"theirs-{peer.name}-{algorithm}-{file.name}", field + file.read_bytes())
                              for field, file in zip(fields, share, strict=True)]
                with concurrent.futures.ThreadPoolExecutor(2) as pool:
                    outcomes = list(pool.map(self.relevo_verify, files))
                with self.subTest(peer=peer.name, algorithm=algorithm):
                    files, outcomes = self.without_misfits(peer, files, outcomes)
                    self.require(f"{peer.name} to relevo, {algorithm}", outcomes, files)

    def without_misfits(self, peer: Peer, files: list, outcomes: list) -> tuple[list, list]:
        """Leaves out what the signer itself does not verify: mailauth 4.8 writes another second into t= than it signed when
        the clock ticks in between. Seldom, or it is our mistake."""
        doubtful = [file for file, (good, _) in zip(files, outcomes, strict=True) if not good]
        if not doubtful:
            return files, outcomes
        misfits = {file for file, (good, _) in zip(doubtful, peer.verify(doubtful, self.records), strict=True) if not good}
        self.assertLessEqual(len(misfits), 1 + len(files) // 100, f"{peer.name} does not verify its own signatures")
        self.table.append(f"{peer.name}: {len(misfits)} of its signatures it does not verify itself")
        kept = [(file, outcome) for file, outcome in zip(files, outcomes, strict=True) if file not in misfits]
        return [file for file, _ in kept], [outcome for _, outcome in kept]


if __name__ == "__main__":
    unittest.main()
