"""Where mail leaves from: what the configuration may say, and what `source list` and `check` tell of it."""

import sys
import pathlib
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402

NOT_OURS = "192.0.2.77"


def reverse(address: str) -> str:
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa."


class Sources(RelevoTestCase):
    records = (
        "mx1.relevo.test. A {block}.21",
        "wrong.relevo.test. A {block}.99",
        "mail.relevo.test. A {block}.1",
    )
    with_customer = False

    @classmethod
    def class_settings(cls) -> dict:
        cls.first, cls.second = loopback.address(21), loopback.address(22)
        return {
            "delivery": {"pool": "shared"},
            "checks": {"blocklists": [], "outbound_domains": []},
            "source": [
                {"name": "mx1", "addresses": [cls.first], "ehlo_name": "mx1.relevo.test"},
                {"name": "mx2", "addresses": [cls.second], "ehlo_name": "gone.relevo.test", "drained": True},
                {"name": "far", "proxy": "socks5", "proxy_address": f"{loopback.address(23)}:1080"},
            ],
            "pool": [
                {"name": "shared", "sources": ["mx1:3", "far"]},
                {"name": "bulk", "sources": ["mx2", "mx1"], "streams": ["bulk"]},
            ],
        }

    @classmethod
    def prepare(cls) -> None:
        cls.names.add(f"{reverse(cls.first)} PTR mx1.relevo.test.", f"{reverse(cls.second)} PTR wrong.relevo.test.")

    def listed(self) -> dict[str, dict]:
        return {source["name"]: source for source in self.relevo.ask("source", "list")["sources"]}

    def test_list_shows_whether_names_lead_back(self):  # RFC 8601 section 3
        sources = self.listed()
        self.assertEqual(set(sources), {"default", "mx1", "mx2", "far"})
        self.assertEqual(sources["mx1"]["addresses"],
                         [{"address": self.first, "status": "confirmed", "names": ["mx1.relevo.test"],
                           "confirmed": ["mx1.relevo.test"]}])
        self.assertEqual(sources["mx2"]["addresses"][0]["status"], "unconfirmed")
        self.assertEqual(sources["mx2"]["state"], "drained")
        self.assertEqual(sources["far"]["proxy"], {"protocol": "socks5", "address": f"{loopback.address(23)}:1080"})
        self.assertEqual(sources["far"]["ehlo_name"], "mail.relevo.test")
        self.assertFalse(sources["mx1"]["ipv6"])

    def test_shares_follow_weights_and_leave_out_the_drained(self):
        sources = self.listed()
        shares = {(name, pool["name"]): pool["share"] for name, source in sources.items() for pool in source["pools"]}
        self.assertEqual(shares, {("default", "default"): 1, ("mx1", "shared"): 0.75, ("far", "shared"): 0.25,
                                  ("mx2", "bulk"): 0, ("mx1", "bulk"): 1})

    def test_people_read_it_too(self):
        text = self.relevo.run("source", "list").output
        self.assertIn("mx1.relevo.test (confirmed)", text)
        self.assertIn("wrong.relevo.test (does not lead back)", text)
        self.assertIn("the proxy's choice", text)
        self.assertIn("leaves from the pool shared", text)

    def test_check_looks_at_each_source(self):
        items = self.relevo.run("--json", "check", code=None).value["items"]
        found = {(item["id"], item["subject"]): item["status"] for item in items}
        self.assertEqual(found[("names.ptr", f"mx1 {self.first}")], "ok")
        self.assertEqual(found[("names.helo", f"mx1 {self.first}")], "ok")
        self.assertEqual(found[("names.ptr", f"mx2 {self.second}")], "fail")
        self.assertEqual(found[("names.ehlo", "gone.relevo.test")], "fail")
        self.assertEqual(found[("names.ptr", "far")], "skipped")
        self.assertEqual(found[("machine.source-address", f"mx1 {self.first}")], "ok")
        self.assertNotIn(("machine.source-address", "far"), found)

    def test_an_address_that_the_machine_lacks_is_refused_at_reload(self):
        before = self.listed()
        usual = self.relevo.settings["source"]
        self.addCleanup(self.relevo.configure, {"source": usual})
        self.relevo.configure({"source": [{**usual[0], "addresses": [NOT_OURS]}, *usual[1:]]})
        refused = self.relevo.run("reload", code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn(f"this machine has no address {NOT_OURS}", refused.errors)
        self.assertIn("source[0].addresses", refused.errors)
        self.assertIn("relevo.toml:", refused.errors)
        self.relevo.wait_for_log("server.reload_refused", problem=NOT_OURS)
        self.assertEqual(self.listed(), before)

    def test_a_proxys_address_need_not_be_ours_and_a_reload_takes_effect(self):
        usual = self.relevo.settings["source"]
        self.addCleanup(lambda: (self.relevo.configure({"source": usual}), self.relevo.run("reload")))
        self.relevo.configure({"source": [*usual[:2], {**usual[2], "addresses": [NOT_OURS]}]})
        self.relevo.run("reload")
        self.assertEqual(self.listed()["far"]["addresses"][0]["address"], NOT_OURS)

    def test_an_unknown_source_is_refused_with_its_line(self):
        usual = self.relevo.settings["pool"]
        self.addCleanup(self.relevo.configure, {"pool": usual})
        self.relevo.configure({"pool": [{**usual[0], "sources": ["mx1:3", "fat"]}, usual[1]]})
        refused = self.relevo.run("reload", code=None)
        self.assertIn('"fat" is no source: did you mean "far"?', refused.errors)


class StartWithout(RelevoTestCase):
    with_customer = False

    def test_the_server_does_not_start_without_the_address(self):
        self.relevo.stop()
        self.relevo.configure({"delivery": {"source_addresses": [NOT_OURS]}})
        self.assertNotEqual(self.relevo.launch().wait(20), 0)
        self.assertIn(f"this machine has no address {NOT_OURS}", self.relevo.log_text())
        self.assertIn("delivery.source_addresses", self.relevo.log_text())
        self.relevo.process = None


if __name__ == "__main__":
    unittest.main()
