"""Plans: what an operator lets many tenants have, at the command line, over the API and where mail comes in."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import mail  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.case import WebTestCase  # noqa: E402


class Plans(WebTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        nobody = Api("127.0.0.1", cls.web_port)
        scopes = ["--scope", "tenants:read,tenants:write,statistics:read,domains:read,domains:write"]
        cls.operator = nobody.with_key(cls.relevo.ask("key", "add", "operator", *scopes)["key"])
        own = ["--scope", "statistics:read,domains:read,domains:write", "--tenant", "customer"]
        cls.customer = nobody.with_key(cls.relevo.ask("key", "add", "own", *own)["key"])

    def tearDown(self) -> None:
        super().tearDown()
        self.relevo.control("tenant.set", tenant="customer", plan="", max_domains=0)
        for quota in self.relevo.control("quota.list")["quotas"]:
            self.relevo.control("quota.remove", per=quota["per"], **{quota["scope"]: quota["subject"]})
        for plan in self.relevo.control("plan.list")["plans"]:
            self.relevo.control("plan.remove", plan=plan["name"])

    def reply(self, recipients: int = 1):
        with self.relevo.log_in() as session:
            return session.submit("ana@customer.test", [f"bob{n}@destination.test" for n in range(recipients)], mail.message())

    def test_a_plan_holds_where_mail_comes_in_and_a_change_holds_at_once(self) -> None:
        self.sink()
        page = self.relevo.run("plan", "add", "Basic", "--quota", "month=2:refuse", "--domains", "1", "--note", "para empezar").output
        self.assertIn("Recipients: 2 a month (refuse)", page)
        self.assertEqual(self.relevo.ask("tenant", "set", "customer", "--plan", "basic")["plan"], "Basic")
        self.assertEqual(self.reply(2).code, 250)
        refused = self.reply()
        self.assertEqual((refused.code, refused.status), (450, "4.7.1"), refused)
        self.relevo.run("plan", "set", "Basic", "--quota", "month=3:refuse,hour=50:wait")
        self.assertEqual(self.reply().code, 250, "the new limit holds, and what was used still counts")
        self.assertEqual(self.reply().code, 450)
        use = self.relevo.run("plan", "use", "customer").output
        self.assertRegex(use, r"Tenant customer, plan Basic\n")
        self.assertRegex(use, r"recipients per month +3 +3 \(100 %\) +20\d\d-.* refuse +plan Basic")
        self.assertRegex(use, r"domains +1 +1 .* plan Basic")
        self.assertRegex(use, r"users +any +0 ")
        self.relevo.run("tenant", "set", "customer", "--plan", "")
        self.assertEqual(self.reply().code, 250)

    def test_what_is_set_for_the_tenant_alone_comes_first(self) -> None:
        self.operator.post("/plans", {"name": "Basic", "quotas": [{"per": "month", "recipients": 100}], "domains": 1})
        self.operator.call("PATCH", "/tenants/customer", {"plan": "Basic"})
        self.relevo.run("quota", "set", "--tenant", "customer", "--per", "month", "--recipients", "500")
        seen = self.customer.get("/plan").value
        self.assertEqual([(quota["recipients"], quota["from"]) for quota in seen["quotas"]], [(500, "own")])
        refusal = self.customer.post("/domains", {"domain": "more.test"})
        self.assertIn("the plan allows 1 domains", str(refusal))
        self.assertEqual(self.operator.call("PATCH", "/tenants/customer", {"max_domains": 2}).status, 200)
        self.assertEqual(self.customer.post("/domains", {"domain": "more.test"}).status, 201)
        counts = {count["thing"]: count for count in self.customer.get("/plan").value["counts"]}
        self.assertEqual(counts["domains"], {"thing": "domains", "most": 2, "used": 2, "from": "tenant"})
        self.relevo.run("quota", "remove", "--tenant", "customer", "--per", "month")
        self.assertEqual(self.customer.get("/plan").value["quotas"][0]["from"], "plan")
        self.assertIn("the quota per month is the plan's",
                      self.relevo.run("quota", "remove", "--tenant", "customer", "--per", "month", code=1).errors)
        self.relevo.run("domain", "remove", "more.test")

    def test_plans_are_the_operators_and_their_use_is_seen_by_the_tenant_alone(self) -> None:   # security row E9
        made = self.operator.post("/plans", {"name": "Gold", "quotas": [{"per": "day", "recipients": 10}]})
        self.assertEqual(made.status, 201, str(made))
        for method, path in (("GET", "/plans"), ("GET", "/plans/Gold"), ("PATCH", "/plans/Gold"), ("DELETE", "/plans/Gold")):
            self.assertEqual(self.customer.call(method, path, {"domains": 9} if method == "PATCH" else None).status, 403, path)
        self.relevo.add_tenant("other", domains=("other.test",))
        self.assertEqual(self.customer.get("/plan", query={"tenant": "other"}).status, 404)
        self.assertEqual(self.operator.get("/plan", query={"tenant": "other"}).value["tenant"], "other")
        twice = self.operator.post("/plans", {"name": "gold"})
        self.assertEqual((twice.status, twice.value["code"]), (409, "conflict"))
        wrong = self.operator.post("/plans", {"name": "x", "quotas": [{"per": "day", "recipients": 0}]})
        self.assertEqual(wrong.value["errors"][0]["pointer"], "/quotas/0/recipients")
        self.operator.call("PATCH", "/tenants/other", {"plan": "Gold"})
        self.assertEqual(self.operator.call("DELETE", "/plans/Gold").status, 409)
        self.operator.call("PATCH", "/tenants/other", {"plan": ""})

    def test_a_plan_outlives_a_restart(self) -> None:
        self.relevo.run("plan", "add", "Basic", "--quota", "day=1:refuse")
        self.relevo.run("tenant", "set", "customer", "--plan", "Basic")
        self.assertEqual(self.reply().code, 250)
        self.relevo.restart()
        self.assertEqual(self.reply().code, 450)


if __name__ == "__main__":
    unittest.main()
