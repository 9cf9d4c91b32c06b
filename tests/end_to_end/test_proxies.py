"""Leaving through a proxy: a real SOCKS5 server (Dante), and PROXY v2 against a listener of ours."""

import sys
import pathlib
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import loopback  # noqa: E402
from harness.case import RelevoTestCase  # noqa: E402
from harness.socks_proxy import SocksProxy  # noqa: E402

SEEN = "192.0.2.77"  # no address of this machine: only a PROXY header can tell it


class Proxies(RelevoTestCase):
    destinations = {"destination.test": 11, "forbidden.test": 12, "closed.test": 13}
    with_customer = False

    @classmethod
    def class_settings(cls) -> dict:
        cls.proxy = SocksProxy(cls.folder / "dante", refused=(loopback.address(12),))
        cls.addClassCleanup(cls.proxy.stop)
        cls.balanced = f"127.0.0.1:{loopback.free_port('127.0.0.1')}"
        nobody = f"127.0.0.1:{loopback.free_port('127.0.0.1')}"
        sources = [
            {"name": "dante", "proxy": "socks5", "proxy_address": cls.proxy.address, "ehlo_name": "far.relevo.test"},
            {"name": "balancer", "proxy": "haproxy", "proxy_address": cls.balanced, "addresses": SEEN,
             "ehlo_name": "balanced.relevo.test"},
            {"name": "nobody", "proxy": "socks5", "proxy_address": nobody},
            {"name": "own", "addresses": loopback.address(21), "ehlo_name": "own.relevo.test"},
        ]
        return {"source": sources, "pool": [{"name": "all", "sources": [source["name"] for source in sources],
                                             "streams": ["bulk"]}],
                "route": [{"name": "inbound", "domains": "inbound.test", "kind": "discard"}]}

    @classmethod
    def prepare(cls) -> None:
        listeners = [*cls.relevo.settings["listener"],
                     {"name": "balanced", "address": [cls.balanced], "role": "relay", "tls": "none", "auth": "none",
                      "proxy_networks": ["127.0.0.0/8"]}]
        cls.relevo.configure({"listener": listeners})

    def send(self, source: str, to: str = "bob@destination.test", code: int = 0, host: str | None = None) -> dict:
        host = host or loopback.address(self.destinations[to.partition("@")[2]])
        return self.relevo.ask("send-test", to, "--server", f"{host}:{self.mail_port}", "--tls", "none", "--source", source,
                               code=code)

    def test_a_real_socks5_server_carries_the_mail(self):  # RFC 1928
        sink = self.sink()
        result = self.send("dante")
        self.assertTrue(result["accepted"], result)
        self.assertIn("EHLO far.relevo.test", result["transcript"])
        sink.wait_for(1)
        self.assertTrue(self.proxy.has_connected_to(loopback.address(11), self.mail_port), self.proxy.log_text())

    def test_a_target_that_refuses_is_the_targets_trouble(self):
        result = self.send("dante", "bob@closed.test", code=1)
        self.assertIn(f"cannot connect to {loopback.address(13)}:{self.mail_port}: the connection was refused, says the proxy",
                      result["reply"])

    def test_rules_of_the_proxy_are_the_sources_trouble(self):
        result = self.send("dante", "bob@forbidden.test", code=1)
        self.assertIn(f"cannot send: the proxy socks5 {self.proxy.address}: its rules do not allow", result["reply"])

    def test_a_proxy_that_is_not_there_is_named(self):
        result = self.send("nobody", code=1)
        self.assertRegex(result["reply"], r"^cannot send: the proxy socks5 127\.0\.0\.1:\d+: connection refused$")

    def test_a_proxy_header_tells_where_the_mail_comes_from(self):  # "The PROXY protocol" section 2.2
        result = self.send("balancer", "bob@inbound.test", host=loopback.address(99))
        self.assertTrue(result["accepted"], result)
        self.relevo.wait_for_log("smtp.accepted", client=SEEN)

    def test_an_own_address_is_what_the_target_sees(self):
        sink = self.sink()
        self.assertTrue(self.send("own")["accepted"])
        self.assertEqual(sink.wait_for(1)[0].client, loopback.address(21))

    def test_an_unknown_source_is_an_error(self):
        refused = self.relevo.run("send-test", "bob@destination.test", "--server", "127.0.0.1:25", "--source", "mx9", code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("there is no such source", refused.errors)


if __name__ == "__main__":
    unittest.main()
