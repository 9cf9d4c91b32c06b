// Domains of tenants: part of administration.h.
#include "core/tenancy/administration.h"
#include "core/tenancy/columns.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/statements.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>
#include <set>

namespace relevo {

namespace {

Domain domain_of(const Row& row) {
    return Domain{.id = DomainId{row.integer(0)},
                  .tenant = TenantId{row.integer(1)},
                  .name = std::string(row.text(2)),
                  .subdomains = row.integer(3) != 0 ? Subdomains::included : Subdomains::excluded,
                  .addresses = {},
                  .created_at = columns::time(row.integer(4)),
                  .ownership = columns::ownership(row.integer(5)),
                  .challenge = std::string(row.text(6)),
                  .verified_at = columns::time(row.integer(7)),
                  .dmarc = columns::dmarc_handling(row.integer(8)),
                  .return_path = std::string(row.text(9)),
                  .tracking = columns::tracked(row.integer(10)),
                  .tracking_host = std::string(row.text(11))};
}

constexpr std::string_view select_by_name =
    "SELECT id, tenant_id, name, subdomains, created_at, ownership, challenge, verified_at, dmarc, return_path, "
    "tracking, tracking_host FROM domain WHERE name = $1";
constexpr std::string_view select_by_id =
    "SELECT id, tenant_id, name, subdomains, created_at, ownership, challenge, verified_at, dmarc, return_path, "
    "tracking, tracking_host FROM domain WHERE id = $1";

Result<std::optional<Domain>> one_domain(Reader& reader, std::string_view sql,
                                         std::initializer_list<Value> parameters) {
    std::optional<Domain> domain;
    RELEVO_CHECK(reader.query(sql, parameters, [&](const Row& row) -> Result<void> {
        domain = domain_of(row);
        return {};
    }));
    return domain;
}

Result<std::optional<Domain>> domain_by_name(Reader& reader, std::string_view name) {
    return one_domain(reader, select_by_name, {name});
}

Result<void> add_addresses(Reader& reader, Domain& domain) {
    return reader.query("SELECT address FROM domain_address WHERE domain_id = $1 ORDER BY address", {domain.id.value},
                        [&](const Row& row) -> Result<void> {
                            domain.addresses.emplace_back(row.text(0));
                            return {};
                        });
}

// Refuses `name` below a domain of another tenant that includes its subdomains.
Result<void> check_domains_above(Reader& reader, TenantId tenant, std::string_view name) {
    for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
        RELEVO_TRY(const auto above, domain_by_name(reader, name.substr(dot + 1)));
        if (above && above->subdomains == Subdomains::included && above->tenant != tenant)
            return failure(ErrorKind::conflict, std::string(name) + " lies below " + above->name +
                                                    ", which belongs to another tenant with all its subdomains: "
                                                    "exclude the subdomains there first");
    }
    return {};
}

// Refuses to include the subdomains of `name` if another tenant has one of them.
Result<void> check_domains_below(Reader& reader, TenantId tenant, const std::string& name) {
    if (!name.contains('.'))
        return failure(ErrorKind::invalid,
                       "\"" + name + "\" is a top-level domain: its subdomains belong to everybody");
    const std::string suffix = "." + name;
    std::string other;
    RELEVO_CHECK(
        reader.query("SELECT name FROM domain WHERE tenant_id <> $1 AND length(name) > $3"
                     " AND substr(name, length(name) - $3 + 1) = $2 LIMIT 1",
                     {tenant.value, std::string_view(suffix), static_cast<std::int64_t>(suffix.size())},
                     [&](const Row& row) -> Result<void> {
                         other = row.text(0);
                         return {};
                     }));
    if (!other.empty())
        return failure(ErrorKind::conflict, other + " belongs to another tenant: the subdomains of " + name +
                                                " cannot be included as a whole");
    return {};
}

std::unexpected<Error> taken(const Domain& existing, TenantId wanted_by) {
    if (existing.tenant == wanted_by)
        return failure(ErrorKind::conflict, existing.name + " belongs to this tenant already");
    if (existing.ownership != Ownership::pending)
        return failure(ErrorKind::conflict, existing.name + " belongs to another tenant");
    return failure(ErrorKind::conflict,
                   existing.name +
                       " was added for another tenant, who has not proven that it is theirs: if it is not, remove it "
                       "first (relevo domain remove " +
                       existing.name + ")");
}

}  // namespace

Result<std::string> comparable_domain(std::string_view name) {
    RELEVO_TRY(const std::string ascii, mail::to_ascii_domain(name));
    return to_lower(ascii);
}

Result<std::string> comparable_address(const mail::Address& address) {
    if (address.has_address_literal())
        return failure(ErrorKind::invalid, address.text() + " has an address literal in place of a domain");
    RELEVO_TRY(const std::string domain, comparable_domain(address.domain()));
    return to_lower(address.local_part()) + "@" + domain;
}

Result<std::string> comparable_address(std::string_view text) {
    RELEVO_TRY(const auto address, mail::Address::parse(text, mail::Utf8::allowed));
    return comparable_address(address);
}

std::string_view name_of(Ownership ownership) {
    switch (ownership) {
        case Ownership::pending: return "pending";
        case Ownership::verified: return "verified";
        case Ownership::trusted: return "trusted";
    }
    return "pending";
}

std::optional<Tracked> parse_tracked(std::string_view text) {
    Tracked tracked;
    if (equals_ignoring_case(trimmed(text), "none")) return tracked;
    for (const std::string_view word : split(text, ',')) {
        if (equals_ignoring_case(trimmed(word), "opens"))
            tracked.opens = true;
        else if (equals_ignoring_case(trimmed(word), "clicks"))
            tracked.clicks = true;
        else
            return std::nullopt;
    }
    return tracked;
}

std::string_view name_of(const Tracked& tracked) {
    if (tracked.opens) return tracked.clicks ? "opens,clicks" : "opens";
    return tracked.clicks ? "clicks" : "none";
}

std::string challenge_host(std::string_view domain) { return "_relevo-challenge." + std::string(domain); }

std::string challenge_text(std::string_view challenge) { return "relevo-verification=" + std::string(challenge); }

std::string_view name_of(DmarcHandling handling) {
    switch (handling) {
        case DmarcHandling::none: return "none";
        case DmarcHandling::quarantine: return "quarantine";
        case DmarcHandling::reject: return "reject";
    }
    return "none";
}

Result<DomainId> create_domain(Transaction& transaction, const NewDomain& domain, WallClock::time_point now) {
    const TenantId tenant = domain.tenant;
    RELEVO_TRY(const std::string ascii, comparable_domain(domain.name));
    RELEVO_CHECK(statements::require_tenant(transaction, tenant));
    RELEVO_TRY(const auto existing, domain_by_name(transaction, ascii));
    if (existing) return taken(*existing, tenant);
    RELEVO_CHECK(check_domains_above(transaction, tenant, ascii));
    if (domain.subdomains == Subdomains::included) RELEVO_CHECK(check_domains_below(transaction, tenant, ascii));
    RELEVO_TRY(const std::int64_t present,
               statements::count(transaction, "SELECT count(*) FROM domain WHERE tenant_id = $1", {tenant.value}));
    RELEVO_CHECK(require_room(transaction, tenant, LimitedThing::domains, present));
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "domain"));
    RELEVO_TRY([[maybe_unused]] const auto inserted,
               transaction.execute(
                   "INSERT INTO domain (id, tenant_id, name, subdomains, created_at, ownership, challenge, verified_at)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
                   {id, tenant.value, std::string_view(ascii), columns::of(domain.subdomains == Subdomains::included),
                    columns::of(now), columns::of(domain.ownership), std::string_view(domain.challenge)}));
    return DomainId{id};
}

Result<void> set_ownership(Transaction& transaction, DomainId id, Ownership ownership, WallClock::time_point now) {
    return statements::change_one(
        transaction, "UPDATE domain SET ownership = $2, verified_at = $3 WHERE id = $1",
        {id.value, columns::of(ownership), ownership == Ownership::verified ? columns::of(now) : 0},
        "there is no such domain");
}

Result<void> set_dmarc_handling(Transaction& transaction, DomainId id, std::optional<DmarcHandling> handling) {
    return statements::change_one(transaction, "UPDATE domain SET dmarc = $2 WHERE id = $1",
                                  {id.value, columns::of(handling)}, "there is no such domain");
}

Result<void> set_return_path(Transaction& transaction, DomainId id, std::string_view name) {
    std::string ascii;
    if (!name.empty()) {
        RELEVO_TRY(const Domain domain, domain_by_id(transaction, id));
        RELEVO_TRY(ascii, comparable_domain(name));
        if (ascii == domain.name || !mail::is_same_or_subdomain(ascii, domain.name))
            return failure(ErrorKind::invalid, ascii + " is not below " + domain.name +
                                                   ": name a sub-domain such as bounces." + domain.name);
        RELEVO_TRY(const auto other, domain_by_name(transaction, ascii));
        if (other && other->tenant != domain.tenant)
            return failure(ErrorKind::conflict, ascii + " belongs to another tenant");
        RELEVO_TRY(const bool is_used,
                   statements::exists(transaction, "SELECT 1 FROM domain WHERE return_path = $1 AND id <> $2",
                                      {std::string_view(ascii), id.value}));
        if (is_used) return failure(ErrorKind::conflict, ascii + " is the return path of another domain");
    }
    return statements::change_one(transaction, "UPDATE domain SET return_path = $2 WHERE id = $1",
                                  {id.value, std::string_view(ascii)}, "there is no such domain");
}

Result<void> set_tracking(Transaction& transaction, DomainId id, std::optional<Tracked> tracked) {
    return statements::change_one(transaction, "UPDATE domain SET tracking = $2 WHERE id = $1",
                                  {id.value, columns::of(tracked)}, "there is no such domain");
}

Result<void> set_tracking_host(Transaction& transaction, DomainId id, std::string_view name) {
    std::string ascii;
    if (!name.empty()) {
        RELEVO_TRY(const Domain domain, domain_by_id(transaction, id));
        RELEVO_TRY(ascii, comparable_domain(name));
        if (ascii == domain.name || !mail::is_same_or_subdomain(ascii, domain.name))
            return failure(ErrorKind::invalid,
                           ascii + " is not below " + domain.name + ": name a sub-domain such as t." + domain.name);
        RELEVO_TRY(const auto other, domain_by_name(transaction, ascii));
        if (other && other->tenant != domain.tenant)
            return failure(ErrorKind::conflict, ascii + " belongs to another tenant");
        RELEVO_TRY(const bool is_used,
                   statements::exists(transaction, "SELECT 1 FROM domain WHERE tracking_host = $1 AND tenant_id <> $2",
                                      {std::string_view(ascii), domain.tenant.value}));
        if (is_used) return failure(ErrorKind::conflict, ascii + " is the tracking host of another tenant");
    }
    return statements::change_one(transaction, "UPDATE domain SET tracking_host = $2 WHERE id = $1",
                                  {id.value, std::string_view(ascii)}, "there is no such domain");
}

Result<void> remove_domain(Transaction& transaction, DomainId id) {
    RELEVO_TRY(const Domain domain, domain_by_id(transaction, id));
    std::string login;
    const std::string suffix = "." + domain.name;
    RELEVO_CHECK(transaction.query(
        "SELECT c.login FROM credential_domain r JOIN credential c ON c.id = r.credential_id WHERE c.tenant_id = $1"
        " AND (r.domain = $2 OR (length(r.domain) > $4 AND substr(r.domain, length(r.domain) - $4 + 1) = $3)) LIMIT 1",
        {domain.tenant.value, std::string_view(domain.name), std::string_view(suffix),
         static_cast<std::int64_t>(suffix.size())},
        [&](const Row& row) -> Result<void> {
            login = row.text(0);
            return {};
        }));
    if (!login.empty())
        return failure(ErrorKind::conflict, "the credential \"" + login + "\" is restricted to " + domain.name +
                                                " or below: change or remove that credential first");
    RELEVO_CHECK(transaction.execute("DELETE FROM domain_address WHERE domain_id = $1", {id.value}));
    RELEVO_CHECK(transaction.execute("DELETE FROM domain_mailbox WHERE domain_id = $1", {id.value}));
    return statements::change_one(transaction, "DELETE FROM domain WHERE id = $1", {id.value},
                                  "there is no such domain");
}

Result<void> set_subdomains(Transaction& transaction, DomainId id, Subdomains subdomains) {
    RELEVO_TRY(const Domain domain, domain_by_id(transaction, id));
    if (subdomains == Subdomains::included) RELEVO_CHECK(check_domains_below(transaction, domain.tenant, domain.name));
    return statements::change_one(transaction, "UPDATE domain SET subdomains = $2 WHERE id = $1",
                                  {id.value, columns::of(subdomains == Subdomains::included)},
                                  "there is no such domain");
}

Result<void> set_domain_addresses(Transaction& transaction, DomainId id, const std::vector<std::string>& addresses) {
    RELEVO_TRY(const Domain domain, domain_by_id(transaction, id));
    std::set<std::string> canonical;
    for (const auto& text : addresses) {
        RELEVO_TRY(std::string address, comparable_address(text));
        const std::string_view of = std::string_view(address).substr(address.rfind('@') + 1);
        const bool belongs =
            domain.subdomains == Subdomains::included ? mail::is_same_or_subdomain(of, domain.name) : of == domain.name;
        if (!belongs) return failure(ErrorKind::invalid, address + " is not an address of " + domain.name);
        canonical.insert(std::move(address));
    }
    RELEVO_TRY([[maybe_unused]] const auto removed,
               transaction.execute("DELETE FROM domain_address WHERE domain_id = $1", {id.value}));
    for (const auto& address : canonical) {
        RELEVO_TRY([[maybe_unused]] const auto inserted,
                   transaction.execute("INSERT INTO domain_address (domain_id, address) VALUES ($1, $2)",
                                       {id.value, std::string_view(address)}));
    }
    return {};
}

Result<std::vector<Domain>> list_domains(Reader& reader, std::optional<TenantId> tenant) {
    std::vector<Domain> domains;
    const RowCallback add = [&](const Row& row) -> Result<void> {
        domains.push_back(domain_of(row));
        return {};
    };
    RELEVO_CHECK(
        reader.query("SELECT id, tenant_id, name, subdomains, created_at, ownership, challenge, verified_at, dmarc, "
                     "return_path, tracking, tracking_host FROM domain"
                     " WHERE $1 = 0 OR tenant_id = $1 ORDER BY id",
                     {tenant ? tenant->value : 0}, add));
    // One pass over all rules instead of a query per domain; both lists come in the order of ids.
    auto domain = domains.begin();
    RELEVO_CHECK(reader.query("SELECT domain_id, address FROM domain_address ORDER BY domain_id, address", {},
                              [&](const Row& row) -> Result<void> {
                                  while (domain != domains.end() && domain->id.value < row.integer(0)) ++domain;
                                  if (domain != domains.end() && domain->id.value == row.integer(0))
                                      domain->addresses.emplace_back(row.text(1));
                                  return {};
                              }));
    return domains;
}

Result<Domain> find_domain(Reader& reader, std::string_view name) {
    RELEVO_TRY(const std::string ascii, comparable_domain(name));
    RELEVO_TRY(auto domain, domain_by_name(reader, ascii));
    if (!domain) return failure(ErrorKind::not_found, "there is no domain " + ascii);
    RELEVO_CHECK(add_addresses(reader, *domain));
    return *std::move(domain);
}

Result<Domain> domain_by_id(Reader& reader, DomainId id) {
    RELEVO_TRY(auto domain, one_domain(reader, select_by_id, {id.value}));
    if (!domain) return failure(ErrorKind::not_found, "there is no domain " + id.text());
    RELEVO_CHECK(add_addresses(reader, *domain));
    return *std::move(domain);
}

}  // namespace relevo
