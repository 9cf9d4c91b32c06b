#include "core/statistics/tally.h"

#include "core/spool/message.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace relevo {
namespace {

using mailsearch::Mark;
using mailsearch::State;
using std::chrono::milliseconds;

constexpr std::size_t reply_octets = 150;
constexpr std::size_t longest_code = 6;  // "5.7.26"

std::string_view text_of(const boost::json::value& detail, std::string_view name) {
    return json::text_of(json::member(detail, name));
}

std::uint8_t bit(Mark mark) { return static_cast<std::uint8_t>(mark); }

Counted bounce_of(std::string_view nature) {
    if (nature == "soft") return Counted::bounced_soft;
    return nature == "block" ? Counted::bounced_block : Counted::bounced_hard;
}

std::optional<State> state_of(EventKind kind) {
    switch (kind) {
        case EventKind::accepted:
        case EventKind::released: return State::waiting;
        case EventKind::deferred: return State::deferred;
        case EventKind::delivered: return State::delivered;
        case EventKind::failed:
        case EventKind::bounced: return State::bounced;
        case EventKind::expired: return State::expired;
        case EventKind::held: return State::held;
        case EventKind::dropped: return State::dropped;
        case EventKind::suppressed: return State::suppressed;
        default: return std::nullopt;
    }
}

std::uint8_t marks_of(EventKind kind, bool is_machine) {
    if (kind == EventKind::complained) return bit(Mark::complained);
    if (kind == EventKind::unsubscribed) return bit(Mark::unsubscribed);
    if (is_machine) return 0;
    if (kind == EventKind::opened) return bit(Mark::opened);
    return kind == EventKind::clicked ? bit(Mark::clicked) : 0;
}

// "TLSv1.3:…"; "none" and why, or nothing, otherwise.
bool is_encrypted(std::string_view tls) { return tls.starts_with("TLS"); }

void append_number(std::string& key, std::int64_t number) {
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_text(std::string& key, std::string_view text) {
    append_number(key, static_cast<std::int64_t>(text.size()));
    key += text;
}

std::string_view domain_of(std::string_view address) { return address.substr(address.rfind('@') + 1); }

}  // namespace

MailLabels labels_of(const boost::json::value& detail) {
    MailLabels labels;
    labels.subject = text_of(detail, "subject");
    const boost::json::value* tags = json::member(detail, "tags");
    if (tags != nullptr && tags->is_array())
        for (const boost::json::value& tag : tags->get_array())
            if (const std::string_view text = json::text_of(&tag); !text.empty()) labels.tags.emplace_back(text);
    return labels;
}

struct Tally::Details {
    std::string_view recipient, site, source, bounce_class, nature, reply, send_at;
    bool is_machine = false;
    bool is_encrypted = false;
};

std::string common_reply(std::string_view reply) {
    std::string common;
    for (const std::string_view word : split(reply.substr(0, 1000), ' ')) {
        const bool has_digit = std::ranges::any_of(word, is_digit);
        const bool differs = word.find('@') != std::string_view::npos || (has_digit && word.size() > longest_code);
        if (!common.empty()) common += ' ';
        common += differs ? std::string_view("…") : word;
        if (common.size() > reply_octets) break;
    }
    return printable(common, reply_octets);
}

CounterSums Tally::take_sums() {
    rows_.clear();
    return std::exchange(sums_, {});
}

Tally::Rows Tally::rows_of(const Event& event, const CountedMail& mail, const Details& details,
                           std::string_view reply) {
    const std::int64_t minute = std::chrono::floor<std::chrono::minutes>(event.at.time_since_epoch()).count();
    std::vector<std::pair<Dimension, std::string>> names;
    const auto name = [&](Dimension dimension, std::string_view text) {
        names.emplace_back(dimension, to_lower(text.substr(0, CounterBook::name_octets)));
    };
    const auto name_if_known = [&](Dimension dimension, std::string_view text) {
        if (!text.empty()) name(dimension, text);
    };
    name(Dimension::total, {});
    if (mail.facts) {
        name(Dimension::stream, mail::name_of(mail.facts->stream));
        name(Dimension::credential, mail.facts->credential ? mail.facts->credential.text() : std::string());
        name_if_known(Dimension::sender_domain, domain_of(mail.facts->sender));
    }
    for (const std::string& tag : mail.mail->labels.tags) name(Dimension::tag, tag);
    name_if_known(Dimension::site, details.site);
    name_if_known(Dimension::source, details.source);
    if (event.kind != EventKind::delivered) {
        name_if_known(Dimension::bounce_class, details.bounce_class);
        name_if_known(Dimension::reply, reply);
        if (!reply.empty() && !details.site.empty())
            name(Dimension::site_reply, fmt::format("{} {}", details.site, reply));
    }
    Rows rows;
    const auto add_row = [&](TenantId tenant, Dimension dimension, std::string_view text) {
        rows.push_back(&sums_[{.tenant = tenant, .dimension = dimension, .name = std::string(text), .minute = minute}]);
    };
    if (event.tenant) add_row({}, Dimension::tenant, event.tenant.text());
    for (const TenantId tenant : {TenantId{}, event.tenant}) {
        for (const auto& [dimension, text] : names) add_row(tenant, dimension, text);
        if (!event.tenant) break;
    }
    return rows;
}

void Tally::count(const Event& event, const CountedMail& mail, const Details& details, const CountsChange& change) {
    const bool has_reason = event.kind != EventKind::delivered;
    const std::string reply = has_reason && !details.reply.empty() ? common_reply(details.reply) : std::string();
    key_.clear();
    append_number(key_, std::chrono::floor<std::chrono::minutes>(event.at.time_since_epoch()).count());
    append_number(key_, event.tenant.value);
    append_number(key_, has_reason);
    append_number(key_, mail.facts.has_value());
    if (mail.facts) {
        append_number(key_, static_cast<std::int64_t>(mail.facts->stream));
        append_number(key_, mail.facts->credential.value);
        append_text(key_, domain_of(mail.facts->sender));
    }
    append_text(key_, details.site);
    append_text(key_, details.source);
    append_text(key_, has_reason ? details.bounce_class : std::string_view());
    append_text(key_, reply);
    for (const std::string& tag : mail.mail->labels.tags) append_text(key_, tag);
    auto known = rows_.find(key_);
    if (known == rows_.end()) known = rows_.emplace(key_, rows_of(event, mail, details, reply)).first;
    for (Counts* row : known->second) row->add(change);
}

void Tally::add_look(std::int64_t queue, WallClock::time_point at) {
    const std::int64_t minute = std::chrono::floor<std::chrono::minutes>(at.time_since_epoch()).count();
    Counts& row = sums_[{.tenant = {}, .dimension = Dimension::total, .name = {}, .minute = minute}];
    row.add(Counted::queue_depth, queue);
    row.add(Counted::queue_looks);
}

void Tally::change(RecipientChange change) {
    if (!change.ordinal) {
        changes_.push_back(std::move(change));
        places_.clear();  // what follows comes behind it
        return;
    }
    const auto [place, is_new] = places_.try_emplace(key_of({change.mail->message, *change.ordinal}), changes_.size());
    if (is_new) {
        changes_.push_back(std::move(change));
        return;
    }
    RecipientChange& known = changes_[place->second];
    if (change.only_if_new) return;
    if (change.state) {
        known.state = change.state;
        known.reason = std::move(change.reason);
    } else if (known.only_if_new) {
        known.state.reset();
    }
    known.only_if_new = false;
    known.marks |= change.marks;
    known.at = change.at;
    if (known.recipient.empty()) known.recipient = std::move(change.recipient);
}

void Tally::note(const Event& event, const CountedMail& mail, const Details& details,
                 std::span<const MessageFactsReader::Waiting> waiting) {
    RecipientChange change{.mail = mail.mail,
                           .ordinal = std::nullopt,
                           .recipient = {},
                           .state = state_of(event.kind),
                           .marks = marks_of(event.kind, details.is_machine),
                           .reason = {},
                           .at = milliseconds_of(event.at)};
    if (event.kind == EventKind::accepted) {
        change.only_if_new = true;
        change.arrives = true;
        if (const auto send_at = mailsearch::parse_time(details.send_at)) {
            change.state = State::scheduled;
            change.send_at = milliseconds_of(*send_at);
        }
        for (const MessageFactsReader::Waiting& one : waiting) {
            change.ordinal = one.ordinal;
            change.recipient = to_lower(one.recipient);
            this->change(change);
        }
        return;
    }
    if (!change.state && change.marks == 0) return;
    if (event.ordinal >= 0) {
        change.ordinal = static_cast<std::uint32_t>(event.ordinal);
        change.recipient = to_lower(details.recipient);
    }
    change.arrives = mail.is_new;
    if (event.kind != EventKind::delivered) change.reason = details.bounce_class;
    this->change(std::move(change));
}

void Tally::add(const Event& event, const boost::json::value& detail, const CountedMail& mail,
                std::span<const MessageFactsReader::Waiting> waiting) {
    const Details details{.recipient = text_of(detail, "recipient"),
                          .site = text_of(detail, "site"),
                          .source = text_of(detail, "source"),
                          .bounce_class = text_of(detail, "class"),
                          .nature = text_of(detail, "nature"),
                          .reply = text_of(detail, "reply"),
                          .send_at = text_of(detail, "send_at"),
                          .is_machine = text_of(detail, "by") == "machine",
                          .is_encrypted = is_encrypted(text_of(detail, "tls"))};
    if (mail.facts) note(event, mail, details, waiting);
    if (mail.facts && mail.facts->sender.empty()) return;  // reports: nobody's mail
    CountsChange change;
    switch (event.kind) {
        case EventKind::accepted:
            change.add(Counted::accepted);
            if (mail.facts) change.add(Counted::recipients, mail.facts->recipients);
            break;
        case EventKind::delivered:
            change.add(Counted::delivered);
            if (details.is_encrypted) change.add(Counted::delivered_tls);
            change.add_delay(std::chrono::duration_cast<milliseconds>(event.at - time_of(event.message)));
            break;
        case EventKind::deferred: change.add(Counted::deferred); break;
        case EventKind::failed:
        case EventKind::bounced: change.add(bounce_of(details.nature)); break;
        case EventKind::expired: change.add(Counted::expired); break;
        case EventKind::suppressed: change.add(Counted::suppressed); break;
        case EventKind::dropped: change.add(Counted::dropped); break;
        case EventKind::complained: change.add(Counted::complained); break;
        case EventKind::unsubscribed: change.add(Counted::unsubscribed); break;
        case EventKind::opened: change.add(details.is_machine ? Counted::opened_machine : Counted::opened_human); break;
        case EventKind::clicked:
            change.add(details.is_machine ? Counted::clicked_machine : Counted::clicked_human);
            break;
        default: return;
    }
    count(event, mail, details, change);
}

}  // namespace relevo
