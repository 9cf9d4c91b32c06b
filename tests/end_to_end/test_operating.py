"""Operating the delivery engine: sites, sources, what mail waits for, and what survives a restart (S37, U3, U22)."""

import os
import pathlib
import pty
import select
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import loopback, mail  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.relevo import binary  # noqa: E402


class OperatingTestCase(RelevoTestCase):
    """one.test and two.test have the same mail server, other.test has its own."""

    destinations = {"one.test": 11, "other.test": 12}
    records = ("two.test. MX 10 mx.one.test.",)
    settings = {"queue": {"retry_schedule": ["10min"]}}
    shaping = ""

    @classmethod
    def class_settings(cls) -> dict:
        if not cls.shaping:
            return cls.settings
        path = cls.folder / "shaping.toml"
        path.write_text(cls.shaping)
        return {**cls.settings, "delivery": {**cls.settings.get("delivery", {}), "shaping": str(path)}}

    def why(self, message: str) -> dict:
        return self.relevo.ask("queue", "why", message)["answers"][0]

    def wait_for_reason(self, message: str, reason: str) -> dict:
        return loopback.wait_until(lambda: (found := self.why(message))["reason"] == reason and found, reason, 10, 0.05)


class TestSites(OperatingTestCase):
    def tearDown(self):
        super().tearDown()
        self.relevo.control("queue.drop", all=True)

    def test_a_suspended_site_keeps_mail_of_all_its_domains_over_restarts(self):
        sink, other = self.sink("one.test"), self.sink("other.test")
        told = self.relevo.run("site", "suspend", "mx.one.test", "--reason", "they asked for it").output
        self.assertIn("suspended", told)
        message = self.relevo.submit(mail.message(), ["bob@two.test", "eve@other.test"])
        other.wait_for(1)
        answer = self.wait_for_reason(message, "site_suspended")
        self.assertIn("they asked for it", answer["sentence"])
        self.assertIn("relevo site resume mx.one.test", answer["sentence"])
        self.relevo.restart()
        later = self.relevo.submit(mail.message(), "bob@one.test")  # a destination that was not there before
        self.wait_for_reason(later, "site_suspended")
        self.assertEqual(len(sink.sessions), 0)
        self.assertIn("they asked for it", self.relevo.run("site", "list").output)
        [entry] = self.relevo.control("queue.list", site="mx.one.test", domain="one.test")["entries"]
        self.assertEqual((entry["destination"], entry["site"]), ("one.test", "mx.one.test"))
        shown = self.relevo.run("site", "show", "two.test").output
        for words in ("mx.one.test", "suspended", "from default", "limits:"):
            self.assertIn(words, shown)
        self.relevo.run("site", "resume", "mx.one.test")
        sink.wait_for(2)

    def test_queue_by_site_tenant_and_top(self):
        self.sink("one.test", script=lambda stage, line, session: "451 4.7.1 Try later" if stage == "RCPT" else None)
        message = self.relevo.submit(mail.message(), "bob@one.test")
        self.wait_for_event(message, "deferred")
        [site] = loopback.wait_until(
            lambda: [s for s in self.relevo.ask("queue", "site")["sites"] if s["site"] == "mx.one.test" and s["waiting"] == 1],
            "one that waits")
        self.assertEqual(site["sources"][0]["source"], "default")
        [tenant] = self.relevo.ask("queue", "tenant")["tenants"]
        self.assertEqual((tenant["tenant"], tenant["waiting"]), ("customer", 1))
        self.assertEqual([stream["stream"] for stream in tenant["streams"]], ["transactional"])
        [top] = self.relevo.ask("queue", "top")["destinations"]
        self.assertEqual((top["destination"], top["site"], top["waiting"]), ("one.test", "mx.one.test", 1))
        self.assertTrue(top["oldest"])
        self.assertIn("one.test (mx.one.test): 0 ready, 1 waiting", self.relevo.run("queue", "top").output)
        self.assertIn("customer", self.relevo.run("queue", "tenant").output)
        self.assertIn("mx.one.test", self.relevo.run("queue", "summary").output)

    def test_forget_counts_first(self):
        sink = self.sink("one.test")
        self.relevo.submit(mail.message(), "bob@one.test")
        sink.wait_for(1)
        counted = self.relevo.ask("site", "forget", "one.test", "--dry-run")
        self.assertEqual((counted["count"], counted["changed"]), (1, False))
        self.assertNotEqual(self.relevo.run("site", "forget", "one.test", code=None).code, 0, "nobody can be asked")
        self.assertTrue(self.relevo.ask("site", "forget", "one.test", "--yes")["changed"])
        self.assertIn("site list", self.relevo.run("site", "show", "nowhere.test", code=1).errors)


class TestSources(OperatingTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        return {
            **cls.settings,
            "delivery": {"pool": "all"},
            "checks": {"blocklists": []},
            "source": [{"name": "mx1", "addresses": [loopback.address(21)]},
                       {"name": "mx2", "addresses": [loopback.address(22)]}],
            "pool": [{"name": "all", "sources": ["mx1", "mx2"]}],
        }

    def test_drain_and_resume_a_source(self):
        sink = self.sink("one.test")
        self.relevo.run("source", "drain", "mx1", "--reason", "moved")
        for _ in range(6):
            self.relevo.submit(mail.message(), "bob@one.test")
        sink.wait_for(6)
        self.assertEqual({session.client for session in sink.sessions}, {loopback.address(22)})
        self.relevo.restart()
        self.assertIn("drained (person): moved", self.relevo.run("source", "list").output)
        told = self.relevo.run("source", "drain", "mx2").output
        self.assertIn("pool all has no source left", told)
        message = self.relevo.submit(mail.message(), "bob@one.test")
        answer = self.wait_for_reason(message, "drained")
        self.assertIn("relevo source resume", answer["sentence"])
        self.relevo.run("source", "resume", "mx1")
        sink.wait_for(7)
        self.relevo.run("source", "resume", "mx2")
        states = {source["name"]: source["state"] for source in self.relevo.ask("source", "list")["sources"]}
        self.assertEqual((states["mx1"], states["mx2"]), ("active", "active"))


class TestUnwantedSource(OperatingTestCase):
    """Mail leaves from mx1, for nobody answers at the proxy of mx2; but mx1 can be spared."""

    destinations = {"one.test": 11, "two.test": 12, "three.test": 13}
    records = ()

    @classmethod
    def class_settings(cls) -> dict:
        proxy = f"127.0.0.1:{loopback.free_port('127.0.0.1')}"
        path = cls.folder / "shaping.toml"
        path.write_text('[default]\nfirst_back_off = "1s"\n')
        return {
            "queue": {"retry_schedule": ["1s"]},
            "delivery": {"pool": "all", "shaping": str(path)},
            "checks": {"blocklists": []},
            "source": [{"name": "mx1", "addresses": [loopback.address(21)]},
                       {"name": "mx2", "proxy": "socks5", "proxy_address": proxy}],
            "pool": [{"name": "all", "sources": ["mx1:10000", "mx2:1"]}],
        }

    def test_a_source_that_three_sites_refuse_is_drained_by_itself(self):
        def script(stage, line, session):
            if stage == "connect":
                return f"554 5.7.1 Service unavailable; client [{session.client}] blocked using a blocklist"
            return None

        for domain in self.destinations:
            self.sink(domain, script=script)
            self.relevo.submit(mail.message(), f"bob@{domain}")
        self.assertEqual(self.relevo.wait_for_log("source.drained", 40, source="mx1")["cause"], "blocked")
        self.assertEqual({entry["by"] for entry in self.relevo.log_entries("source.blocked")},
                         {f"site:mx.{domain}" for domain in self.destinations})
        [source] = [source for source in self.relevo.ask("source", "list")["sources"] if source["name"] == "mx1"]
        self.assertEqual((source["state"], source["drain"]["by"]), ("drained", "blocked"))
        self.assertTrue(source["drain"]["until"])
        self.relevo.restart()
        self.assertIn("drained (blocked): its address is refused by", self.relevo.run("source", "list").output)
        self.relevo.run("source", "resume", "mx1")
        self.assertNotIn("drained", self.relevo.run("source", "list").output)
        self.relevo.control("queue.drop", all=True)


class TestLimits(OperatingTestCase):
    shaping = """
[default]
message_rate = "50/s"

[[rule]]
domain = "one.test"
message_rate = "1/d"

[[rule]]
source = "default"
domain = "other.test"
warm_up_start = 1
"""

    def test_a_day_limit_counts_over_a_restart_and_why_tells_until_when(self):
        sink = self.sink("one.test")
        self.relevo.submit(mail.message(), "bob@one.test")
        sink.wait_for(1)
        message = self.relevo.submit(mail.message(), "bob@one.test")
        answer = self.wait_for_reason(message, "limit")
        self.assertEqual(answer["hindrance"], "message_rate")
        self.assertIn("1 messages a day to", answer["sentence"])
        self.assertTrue(answer["until"])
        self.relevo.restart()
        answer = self.wait_for_reason(message, "limit")
        self.assertEqual(answer["hindrance"], "message_rate")
        self.assertEqual(len(sink.messages), 1)
        shown = self.relevo.ask("site", "explain", "one.test")
        self.assertEqual((shown["site"], shown["shaping_key"]), ("mx.one.test", "domain:one.test"))
        [source] = shown["sources"]
        [rate] = [value for value in source["values"] if value["name"] == "message_rate"]
        self.assertEqual(rate["value"], "1/d")
        self.assertIn("shaping.toml", rate["origin"])
        self.assertIn("50/s", [other["value"] for other in rate["overrides"]])
        self.assertEqual(source["now"]["messages_of_day"], 1)
        text = self.relevo.run("site", "explain", "one.test").output
        for words in ("message_rate", "1/d", "shaping.toml", "50/s", "last day 1 messages"):
            self.assertIn(words, text)

    def test_warm_up_is_shown(self):
        sink = self.sink("other.test")
        self.relevo.submit(mail.message(), "bob@other.test")
        sink.wait_for(1)
        message = self.relevo.submit(mail.message(), "bob@other.test")
        self.assertEqual(self.wait_for_reason(message, "limit")["hindrance"], "warm_up")
        shown = self.relevo.ask("source", "warmup", "default")
        self.assertEqual([(path["target"], path["sent"]) for path in shown["paths"]], [(1, 1)])
        self.assertIn("begins with 1 messages a day", self.relevo.run("source", "warmup", "default").output)


class TestTop(OperatingTestCase):
    @classmethod
    def class_settings(cls) -> dict:
        cls.metrics_port = loopback.free_port("127.0.0.1")
        return {**cls.settings, "metrics": {"address": [f"127.0.0.1:{cls.metrics_port}"]}}

    def test_once_for_scripts(self):
        self.sink("one.test", script=lambda stage, line, session: "451 4.7.1 Try later" if stage == "RCPT" else None)
        message = self.relevo.submit(mail.message(), "bob@one.test")
        self.wait_for_event(message, "deferred")
        told = self.relevo.ask("top", "--once", "--interval", "1")
        self.assertGreater(told["seconds"], 0.9, "the figures of a second, as asked for")
        self.assertEqual(set(told["rates"]), {"accepted", "delivered", "deferred", "failed"})
        self.assertEqual(told["totals"]["deferred"], 1)
        self.assertIn("mx.one.test", [site["site"] for site in told["sites"]])
        page = self.relevo.run("top", "--once", "--interval", "1").output
        self.assertIn("mx.one.test", page)
        self.assertNotIn("\x1b", page)
        self.assertIn("--once", self.relevo.run("top", code=2).errors)

    def test_live_it_ends_with_q_and_leaves_the_terminal_as_it_was(self):
        for key in (b"q", b"\x03"):
            ours, theirs = pty.openpty()
            with subprocess.Popen([binary(), "--config", str(self.relevo.configuration), "top", "--interval", "1"],
                                  stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                  preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR))) as program:
                os.close(theirs)
                seen = b""
                deadline = time.monotonic() + 15
                while b"accepted" not in seen and time.monotonic() < deadline and select.select([ours], [], [], 5)[0]:
                    seen += os.read(ours, 65536)
                self.assertIn(b"accepted", seen)
                os.write(ours, key)
                self.assertEqual(program.wait(10), 0)
                while select.select([ours], [], [], 0)[0]:
                    try:
                        seen += os.read(ours, 65536)
                    except OSError:
                        break
                self.assertTrue(seen.rstrip().endswith(b"\x1b[?1049l"), seen[-40:])
            os.close(ours)

    def test_metrics_name_sites_and_sources(self):
        sink = self.sink("other.test")
        self.relevo.submit(mail.message(), "bob@other.test")
        sink.wait_for(1)

        def page() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
                return answer.read().decode()

        loopback.wait_until(
            lambda: 'relevo_source_recipients_total{source="default",outcome="delivered"} 1' in page()
            or 'relevo_source_recipients_total{outcome="delivered",source="default"} 1' in page(), "the source's counter")
        for line in ('relevo_site_recipients{site="mx.other.test",state="ready"} 0', 'relevo_source_drained{source="default"} 0',
                     'relevo_site_connections{site="other"} 0'):
            self.assertIn(line, page())


if __name__ == "__main__":
    unittest.main()
