// What is kept of people.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/erasure/erasure.h"
#include "core/tenancy/administration.h"

namespace relevo {

namespace json = boost::json;

namespace {

json::object json_of(const ErasureCounts& counts) {
    return {{"sent", counts.sent},
            {"received", counts.received},
            {"events", counts.events},
            {"searches", counts.searches},
            {"lists", counts.lists},
            {"waiting", counts.waiting},
            {"suppressed", counts.suppressed},
            {"accounts", counts.accounts}};
}

}  // namespace

// Not among what control writes down by itself: that would name the address.
Task<Control::Answer> Control::erase_person(Arguments arguments, Principal principal) {
    RELEVO_CO_CHECK(check_members(arguments, {"address", "tenant", "dry_run", "drop_queued", "reason"}));
    ErasureRequest request;
    RELEVO_CO_TRY(request.address, required_text(arguments, "address"));
    RELEVO_CO_TRY(const std::string address, comparable_address(request.address));
    RELEVO_CO_TRY(const auto tenant, text_member(arguments, "tenant"));
    RELEVO_CO_TRY(const auto dry_run, flag_member(arguments, "dry_run"));
    RELEVO_CO_TRY(const auto drop_queued, flag_member(arguments, "drop_queued"));
    if (tenant)
        RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(const Tenant found, named_tenant(reader, *tenant));
            request.tenant = found.id;
            return {};
        }));
    Erasure& erasure = context_.store.erasure();
    std::int64_t dropped = 0;
    if (drop_queued.value_or(false))
        for (const char* side : {"recipient", "sender"}) {
            Arguments which{{side, address}, {"dry_run", dry_run.value_or(false)}, {"reason", "erased"}};
            if (tenant) which["tenant"] = *tenant;
            RELEVO_CO_TRY(const json::object done, co_await change_queue(Spool::Change::drop, std::move(which)));
            dropped += done.at("count").to_number<std::int64_t>();
        }
    AuditEntry entry = audit_entry(principal, "person.erase", WallClock::now());
    entry.tenant = request.tenant;
    const auto counts = dry_run.value_or(false)
                            ? co_await erasure.count(std::move(request))
                            : co_await erasure.erase(std::move(request), std::move(entry), context_.accounts->audit());
    if (!counts.has_value()) co_return std::unexpected(counts.error());
    json::object answer = json_of(*counts);
    answer["dropped"] = dropped;
    answer["count"] = counts->erasable() + dropped;
    answer["changed"] = !dry_run.value_or(false);
    co_return answer;
}

// Of another tenant's erasure there is nothing to tell.
Task<Control::Answer> Control::tell_erasure(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant"}));
    RELEVO_CO_TRY(const auto tenant, text_member(arguments, "tenant"));
    std::optional<Erasure::Progress> progress = context_.store.erasure().under_way();
    if (tenant)
        RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(const Tenant found, named_tenant(reader, *tenant));
            if (progress && progress->tenant != found.id) progress.reset();
            return {};
        }));
    co_return json::object{{"under_way", progress.has_value()},
                           {"done", progress ? progress->done : 0},
                           {"all", progress ? progress->all : 0}};
}

}  // namespace relevo
