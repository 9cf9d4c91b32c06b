#include "app/api/operations.h"

#include <algorithm>
#include <array>

namespace relevo::api {
namespace {

constexpr auto operations = std::to_array<ControlOperation>({
    {"listMessages", "message.list", Bounds::tenant, "messages"},
    {"getMessage", "message.show", Bounds::message},
    {"getMessageContent", "message.content", Bounds::message},
    {"previewMessage", "message.preview", Bounds::message},
    {"listEvents", "event.list", Bounds::tenant, "events"},
    {"cancelMessage", "message.cancel", Bounds::message},
    {"explainMessage", "queue.why", Bounds::message, "answers"},

    {"listDomains", "domain.list", Bounds::tenant, "domains"},
    {"createDomain", "domain.add", Bounds::tenant, {}, 201},
    {"getDomain", "domain.show", Bounds::domain},
    {"changeDomain", "domain.set", Bounds::domain},
    {"deleteDomain", "domain.remove", Bounds::domain},
    {"verifyDomain", "domain.verify", Bounds::domain},
    {"getDomainRecords", "domain.dns", Bounds::domain},
    {"checkDomain", "check.domain", Bounds::domain},
    {"listDomainKeys", "dkim.show", Bounds::domain},
    {"rotateDomainKeys", "dkim.rotate", Bounds::domain},

    {"listCredentials", "credential.list", Bounds::tenant, "credentials"},
    {"createCredential", "credential.add", Bounds::tenant, {}, 201},
    {"getCredential", "credential.show", Bounds::credential},
    {"changeCredential", "credential.set", Bounds::credential},
    {"deleteCredential", "credential.remove", Bounds::credential},
    {"rotateCredential", "credential.rotate", Bounds::credential},
    {"enableCredential", "credential.enable", Bounds::credential},
    {"disableCredential", "credential.disable", Bounds::credential},

    {"getSubmission", "server.submission", Bounds::tenant},
    {"listLoginFailures", "login.failures", Bounds::tenant, "failures"},

    {"listSuppressions", "suppression.list", Bounds::tenant, "entries"},
    {"createSuppression", "suppression.add", Bounds::tenant, {}, 201},
    {"getSuppression", "suppression.show", Bounds::tenant, {}, 200, true},
    {"deleteSuppression", "suppression.remove", Bounds::tenant},
    {"importSuppressions", "suppression.import", Bounds::tenant},

    {"erasePerson", "person.erase", Bounds::tenant},
    {"getErasure", "person.erasure", Bounds::tenant},

    {"listQueue", "queue.list", Bounds::queue, "entries"},
    {"holdQueue", "queue.hold", Bounds::queue},
    {"releaseQueue", "queue.release", Bounds::queue},
    {"retryQueue", "queue.retry", Bounds::queue},
    {"dropQueue", "queue.drop", Bounds::queue},
    {"summariseQueue", "queue.summary", Bounds::server, "destinations"},
    {"topOfQueue", "queue.top", Bounds::server, "destinations"},
    {"listQueueOfTenants", "queue.tenant", Bounds::server, "tenants"},
    {"suspendDestination", "queue.suspend", Bounds::server},
    {"resumeDestination", "queue.resume", Bounds::server},

    {"listPlans", "plan.list", Bounds::server, "plans"},
    {"createPlan", "plan.add", Bounds::server, {}, 201},
    {"getPlan", "plan.show", Bounds::server},
    {"changePlan", "plan.set", Bounds::server},
    {"deletePlan", "plan.remove", Bounds::server},
    {"getPlanUse", "plan.use", Bounds::tenant},

    {"listQuotas", "quota.list", Bounds::tenant, "quotas"},
    {"setQuota", "quota.set", Bounds::server, "quotas"},
    {"deleteQuota", "quota.remove", Bounds::server, "quotas"},

    {"listSites", "site.list", Bounds::server, "sites"},
    {"getSite", "site.show", Bounds::server, "sites"},
    {"suspendSite", "site.suspend", Bounds::server},
    {"resumeSite", "site.resume", Bounds::server},
    {"forgetSite", "site.forget", Bounds::server},
    {"explainSite", "site.explain", Bounds::server},

    {"listSources", "source.list", Bounds::server, "sources"},
    {"drainSource", "source.drain", Bounds::server},
    {"resumeSource", "source.resume", Bounds::server},
    {"getWarmUp", "source.warmup", Bounds::server},

    {"listTenants", "tenant.list", Bounds::server, "tenants"},
    {"createTenant", "tenant.add", Bounds::server, {}, 201},
    {"changeTenant", "tenant.set", Bounds::server},
    {"suspendTenant", "tenant.suspend", Bounds::server},
    {"deleteTenant", "tenant.remove", Bounds::server},

    {"listNetworks", "network.list", Bounds::tenant, "networks"},
    {"createNetwork", "network.add", Bounds::server, {}, 201},
    {"deleteNetwork", "network.remove", Bounds::server},

    {"getStatisticsSeries", "stats.series", Bounds::tenant},
    {"getStatisticsTotals", "stats.totals", Bounds::tenant},
    {"getStatisticsBreakdown", "stats.breakdown", Bounds::tenant},

    {"listReports", "reports.list", Bounds::server, "domains"},
    {"getReports", "reports.show", Bounds::domain},
    {"listSentReports", "reports.sent", Bounds::server, "reports"},

    {"listKeys", "key.list", Bounds::tenant, "keys"},
    {"createKey", "key.add", Bounds::tenant, {}, 201},
    {"revokeKey", "key.revoke", Bounds::key},
    {"listUsers", "user.list", Bounds::tenant, "users"},
    {"createUser", "user.add", Bounds::tenant, {}, 201},
    {"inviteUser", "user.invite", Bounds::tenant, {}, 201},
    {"sendUserLink", "user.send_link", Bounds::user},
    {"getUser", "user.show", Bounds::user},
    {"changeUser", "user.set", Bounds::user},
    {"deleteUser", "user.remove", Bounds::user},
    {"resetUserPassword", "user.password", Bounds::user},
    {"resetUserSecondFactor", "user.totp_reset", Bounds::user},
    {"unlinkUserIdentity", "user.unlink", Bounds::user},
    {"removeUserPasskey", "user.passkey_remove", Bounds::user},
    {"removeUserPasskeys", "user.passkey_remove", Bounds::user},
    {"listSessions", "session.list", Bounds::server, "sessions"},
    {"revokeSession", "session.revoke", Bounds::server},
    {"listAudit", "audit.list", Bounds::tenant, "entries"},

    {"listWebhooks", "webhook.list", Bounds::tenant, "webhooks"},
    {"createWebhook", "webhook.add", Bounds::tenant, {}, 201},
    {"getWebhook", "webhook.show", Bounds::webhook},
    {"changeWebhook", "webhook.set", Bounds::webhook},
    {"deleteWebhook", "webhook.remove", Bounds::webhook},
    {"rotateWebhook", "webhook.rotate", Bounds::webhook},
    {"testWebhook", "webhook.test", Bounds::webhook},
    {"getWebhookLog", "webhook.log", Bounds::webhook, "attempts"},
    {"redeliverWebhook", "webhook.redeliver", Bounds::webhook},

    {"listCertificates", "certificate.list", Bounds::server, "certificates"},
    {"renewCertificates", "certificate.renew", Bounds::server},

    {"checkServer", "check.server", Bounds::server},
    {"checkAddresses", "address.check", Bounds::tenant, "addresses"},
    {"checkConnections", "check.connections", Bounds::tenant, "attempts"},
    {"getStatus", "server.status", Bounds::server},
    {"getPulse", "server.pulse", Bounds::server},
    {"reload", "server.reload", Bounds::server},
});

}  // namespace

std::span<const ControlOperation> control_operations() { return operations; }

const ControlOperation* control_operation(std::string_view id) {
    const auto found = std::ranges::find(operations, id, &ControlOperation::id);
    return found == operations.end() ? nullptr : &*found;
}

}  // namespace relevo::api
