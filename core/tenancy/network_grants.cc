// Networks that send without a password: part of administration.h.
#include "core/tenancy/administration.h"
#include "core/tenancy/columns.h"
#include "core/tenancy/network_table.h"
#include "core/tenancy/statements.h"

namespace relevo {

namespace {

constexpr std::size_t label_limit_octets = 200;

Result<dns::Network> parse_grantable_network(std::string_view text) {
    RELEVO_TRY(const auto network, dns::Network::parse(text));
    const auto [base, bits] = parts_of(network);
    if (bits < (base.is_v4() ? 8U : 16U))
        return failure(ErrorKind::invalid, network.text() +
                                               " is so wide that everybody could send: name the network "
                                               "of your own hosts (IPv4 /8 or narrower, IPv6 /16)");
    return network;
}

Result<NetworkGrant> grant_of(const Row& row) {
    RELEVO_TRY(const auto network, dns::Network::parse(row.text(2)));
    return NetworkGrant{.id = NetworkGrantId{row.integer(0)},
                        .tenant = TenantId{row.integer(1)},
                        .network = network,
                        .label = std::string(row.text(3)),
                        .limits = {.messages_per_hour = static_cast<std::uint32_t>(row.integer(4)),
                                   .messages_per_day = static_cast<std::uint32_t>(row.integer(5))},
                        .stream = columns::stream(row.integer(7)),
                        .created_at = columns::time(row.integer(6))};
}

}  // namespace

Result<NetworkGrantId> create_network_grant(Transaction& transaction, TenantId tenant, std::string_view network_text,
                                            std::string_view label, RateLimits limits, mail::MessageStream stream,
                                            WallClock::time_point now) {
    RELEVO_TRY(const auto network, parse_grantable_network(network_text));
    RELEVO_CHECK(statements::check_text("the label", label, label_limit_octets));
    RELEVO_CHECK(statements::require_tenant(transaction, tenant));
    const std::string text = network.text();
    RELEVO_TRY(const bool taken, statements::exists(transaction, "SELECT 1 FROM network_grant WHERE network = $1",
                                                    {std::string_view(text)}));
    if (taken)
        return failure(ErrorKind::conflict, "the network " + text + " may send already: remove that grant first");
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "network_grant"));
    RELEVO_TRY(
        [[maybe_unused]] const auto inserted,
        transaction.execute("INSERT INTO network_grant (id, tenant_id, network, label, messages_per_hour,"
                            " messages_per_day, created_at, stream) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                            {id, tenant.value, std::string_view(text), label, std::int64_t{limits.messages_per_hour},
                             std::int64_t{limits.messages_per_day}, columns::of(now), columns::of(stream)}));
    return NetworkGrantId{id};
}

Result<void> remove_network_grant(Transaction& transaction, NetworkGrantId grant) {
    return statements::change_one(transaction, "DELETE FROM network_grant WHERE id = $1", {grant.value},
                                  "there is no such network grant");
}

Result<void> set_network_grant_limits(Transaction& transaction, NetworkGrantId grant, RateLimits limits) {
    return statements::change_one(
        transaction, "UPDATE network_grant SET messages_per_hour = $2, messages_per_day = $3 WHERE id = $1",
        {grant.value, std::int64_t{limits.messages_per_hour}, std::int64_t{limits.messages_per_day}},
        "there is no such network grant");
}

Result<std::vector<NetworkGrant>> list_network_grants(Reader& reader, std::optional<TenantId> tenant) {
    std::vector<NetworkGrant> grants;
    RELEVO_CHECK(
        reader.query("SELECT id, tenant_id, network, label, messages_per_hour, messages_per_day, created_at, stream "
                     "FROM network_grant"
                     " WHERE $1 = 0 OR tenant_id = $1 ORDER BY id",
                     {tenant ? tenant->value : 0}, [&](const Row& row) -> Result<void> {
                         RELEVO_TRY(grants.emplace_back(), grant_of(row));
                         return {};
                     }));
    return grants;
}

}  // namespace relevo
