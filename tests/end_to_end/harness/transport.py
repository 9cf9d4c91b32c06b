"""The world of tests about TLS to destinations: a signed zone, a small certificate authority, web servers for policies."""

import pathlib
import shutil
import tempfile

from . import certificates, loopback
from .case import RelevoTestCase
from .name_server import NameServer
from .policy_server import PolicyServer
from .relevo import Relevo, merged
from .signed_zone_server import SignedZoneServer

ZONE = "dest.test"


class TransportCase(RelevoTestCase):
    """A signed zone whose hosts have servers (at most 10, from the 100th address on), and a web server for policies."""

    @classmethod
    def own_settings(cls) -> dict:
        """Settings of the class, beside those that this world needs."""
        return {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="relevo-transport-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = certificates.Authority(cls.folder / "authority")
        cls.mail_port = loopback.free_port(*(loopback.address(100 + n) for n in range(10)))
        cls.zone = SignedZoneServer(cls.folder / "zone", ZONE, loopback.address(91))
        cls.addClassCleanup(cls.zone.stop)
        cls.names = NameServer(cls.folder / "dns", ["customer.test. MX 10 mx.customer.test."],
                               zones={ZONE: cls.zone.address})
        cls.addClassCleanup(cls.names.stop)
        anchors = cls.folder / "anchors"
        anchors.write_text(cls.zone.anchor)
        cls.relevo = Relevo(dns=cls.names.address, mail_port=cls.mail_port,
                            settings=merged(cls.own_settings(), {"dns": {"trust_anchor_file": str(anchors)}}))
        cls.relevo.environment["SSL_CERT_FILE"] = cls.authority.certificate
        cls.addClassCleanup(cls.relevo.close)
        cls.prepare()
        cls.relevo.start()
        cls.relevo.add_tenant()
        cls.relevo.add_credential()

    @classmethod
    def serve(cls, host: str, body) -> PolicyServer:
        web = PolicyServer(host, 443, *cls.authority.issue(*(f"mta-sts.{name}.{ZONE}" for name in cls.policy_domains())), body)
        cls.addClassCleanup(web.stop)
        return web

    def outcomes(self, message: str, count: int) -> dict[str, dict]:
        """The first attempt's event of each recipient."""
        def first_events():
            events = {}
            for event in self.timeline(message):
                if event["kind"] in ("delivered", "deferred", "failed"):
                    events.setdefault(event["recipient"], event)
            return events if len(events) == count else None

        return loopback.wait_until(first_events, f"{count} attempts", 60, 0.2)
