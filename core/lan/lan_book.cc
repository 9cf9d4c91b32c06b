#include "core/lan/lan_book.h"

#include "core/events/event.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t unwritten_limit = 10'000;  // devices with refusals that wait for the store
constexpr std::size_t reply_limit_octets = 500;

bool ends_a_delivery(EventKind kind) {
    return kind == EventKind::delivered || kind == EventKind::failed || kind == EventKind::expired ||
           kind == EventKind::dropped || kind == EventKind::suppressed;
}

// What comes back after the delivery tells of the recipient, and ends nothing.
bool is_of_a_delivery(EventKind kind) {
    return ends_a_delivery(kind) || kind == EventKind::deferred || kind == EventKind::held ||
           kind == EventKind::released;
}

bool is_problem(EventKind kind) {
    return kind == EventKind::deferred || kind == EventKind::failed || kind == EventKind::expired ||
           kind == EventKind::suppressed || kind == EventKind::bounced;
}

void note_problem(DeviceReport& report, WallClock::time_point at, std::string_view problem) {
    if (at < report.problem_at) return;
    report.problem_at = at;
    report.problem = problem;
}

}  // namespace

Task<Result<Enrolment>> LanBook::enrol(std::string login, std::string secret, std::string new_password) {
    RELEVO_CO_TRY(const StoredSecret stored, co_await make_secret(*ports_.passwords, std::move(new_password)));
    Enrolment result = Enrolment::wrong;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(result, enrol_office(transaction, login, secret, stored, WallClock::now()));
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(ports_.committer, std::move(request)));
    if (result == Enrolment::done) RELEVO_CO_CHECK(co_await ports_.refresh());
    co_return result;
}

// --- arrivals and refusals

Result<void> LanBook::record_arrival(Transaction& transaction, const LanOrigin& origin, MessageId message,
                                     std::int64_t recipients, WallClock::time_point now) {
    const std::int64_t day = day_of(now);
    return arrival_tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(
            insert_arrival_.of(day),
            {message.value, origin.office.value, std::string_view(origin.device), recipients, milliseconds_of(now)}));
        return {};
    });
}

void LanBook::note_refusal(const LanOrigin& origin, std::string reply, WallClock::time_point now) {
    {
        const std::lock_guard lock(mutex_);
        if (refusals_.size() >= unwritten_limit) return;
        Refusals& refusals = refusals_[{day_of(now), origin}];
        ++refusals.count;
        refusals.last_at = now;
        refusals.last_reply = reply.substr(0, reply_limit_octets);
        if (std::exchange(writing_, true)) return;  // goes with the next write
    }
    write_refusals();
}

void LanBook::write_refusals() {
    auto taken = std::make_shared<RefusalsByOrigin>();  // shared by the work and nobody else: it may run twice
    {
        const std::lock_guard lock(mutex_);
        taken->swap(refusals_);
    }
    CommitRequest request;
    request.rows = [this, taken](Transaction& transaction, const std::vector<ContentToStore>&) {
        return insert_refusals(transaction, *taken);
    };
    ports_.committer.commit(std::move(request), Completer<Result<void>>(ports_.executor, [this](Result<void> written) {
                                if (!written.has_value())
                                    ports_.log.error("lan.refusals_not_written", {{"problem", written.error().detail}});
                                {
                                    const std::lock_guard lock(mutex_);
                                    writing_ = !refusals_.empty() && written.has_value();
                                    if (!writing_) return;
                                }
                                write_refusals();
                            }));
}

Result<void> LanBook::insert_refusals(Transaction& transaction, const RefusalsByOrigin& all) {
    for (const auto& [key, refusals] : all) {
        const auto& [day, origin] = key;
        RELEVO_CHECK(refusal_tables_.insert(transaction, day, [&]() -> Result<void> {
            RELEVO_CHECK(transaction.execute(
                insert_refusal_.of(day), {origin.office.value, std::string_view(origin.device), refusals.count,
                                          milliseconds_of(refusals.last_at), std::string_view(refusals.last_reply)}));
            return {};
        }));
    }
    return {};
}

// --- the report

Result<LanReport> LanBook::report(Reader& reader, std::int64_t first_day, std::size_t message_limit) {
    LanReport result;
    ReportsByOrigin reports;
    RELEVO_TRY(const std::vector<std::int64_t> event_days, history_days(reader, "event", first_day));
    RELEVO_TRY(std::vector<std::int64_t> days, history_days(reader, "lan_arrival", first_day));
    std::ranges::reverse(days);
    for (const std::int64_t day : days) {
        RELEVO_TRY(std::vector<Arrival> arrivals, arrivals_of(reader, day, message_limit + 1));
        if (arrivals.size() > message_limit) {
            result.cut = true;
            arrivals.resize(message_limit);
        }
        message_limit -= arrivals.size();
        for (const Arrival& arrival : arrivals) {
            DeviceReport& report = reports[arrival.origin];
            ++report.messages;
            report.recipients += arrival.recipients;
            report.last_seen = std::max(report.last_seen, arrival.at);
            RELEVO_CHECK(add_outcomes(reader, arrival, event_days, report));
        }
    }
    RELEVO_TRY(const std::vector<std::int64_t> refusal_days, history_days(reader, "lan_refusal", first_day));
    for (const std::int64_t day : refusal_days) RELEVO_CHECK(add_refusals(reader, day, reports));
    for (auto& [origin, report] : reports) {
        report.origin = origin;
        result.devices.push_back(std::move(report));
    }
    return result;
}

Result<std::vector<LanBook::Arrival>> LanBook::arrivals_of(Reader& reader, std::int64_t day, std::size_t limit) {
    std::vector<Arrival> arrivals;
    RELEVO_CHECK(
        reader.query(select_arrivals_.of(day), {static_cast<std::int64_t>(limit)}, [&](const Row& row) -> Result<void> {
            arrivals.push_back({.message = MessageId{row.integer(0)},
                                .origin = {LanOfficeId{row.integer(1)}, std::string(row.text(2))},
                                .recipients = row.integer(3),
                                .at = time_of_milliseconds(row.integer(4))});
            return {};
        }));
    return arrivals;
}

// Nearly all mail ends on the day of its arrival: later days are looked at only while recipients wait.
Result<void> LanBook::add_outcomes(Reader& reader, const Arrival& arrival, const std::vector<std::int64_t>& event_days,
                                   DeviceReport& report) {
    std::map<std::int64_t, EventKind> last;  // by ordinal
    std::int64_t ended = 0;
    const std::int64_t first_day = day_of(arrival.at);
    for (const std::int64_t day : event_days) {
        if (day < first_day || ended >= arrival.recipients) continue;
        RELEVO_CHECK(reader.query(select_events_.of(day), {arrival.message.value}, [&](const Row& row) -> Result<void> {
            const std::int64_t ordinal = row.integer(0);
            const auto kind = static_cast<EventKind>(row.integer(1));
            if (ordinal < 0) return {};
            if (is_of_a_delivery(kind)) last[ordinal] = kind;
            if (ends_a_delivery(kind)) ++ended;
            if (is_problem(kind)) note_problem(report, time_of_milliseconds(row.integer(2)), row.text(3));
            return {};
        }));
    }
    report.waiting += arrival.recipients - ended;
    for (const auto& [ordinal, kind] : last) {
        if (kind == EventKind::delivered)
            ++report.delivered;
        else if (ends_a_delivery(kind))
            ++report.refused;
        else
            ++report.deferred;
    }
    return {};
}

Result<void> LanBook::add_refusals(Reader& reader, std::int64_t day, ReportsByOrigin& reports) {
    return reader.query(select_refusals_.of(day), {}, [&](const Row& row) -> Result<void> {
        DeviceReport& report = reports[{LanOfficeId{row.integer(0)}, std::string(row.text(1))}];
        const auto at = time_of_milliseconds(row.integer(3));
        report.not_taken += row.integer(2);
        report.last_seen = std::max(report.last_seen, at);
        note_problem(report, at, row.text(4));
        return {};
    });
}

}  // namespace relevo
