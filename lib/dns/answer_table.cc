#include "lib/dns/answer_table.h"

#include "lib/base/text.h"
#include "lib/dns/name.h"
#include "lib/dns/zone_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::dns {
namespace {

constexpr std::chrono::seconds usual_ttl{300};

std::string wire_of(std::string_view name) { return encode_name(name).value(); }

Error fault_of(AnswerTable::Mark mark, std::string_view name) {
    switch (mark) {
        case AnswerTable::Mark::timeout:
            return {ErrorKind::timeout, fmt::format("no answer about {} in time", printable(name))};
        case AnswerTable::Mark::bogus: return bogus_error(fmt::format("no valid signature for {}", printable(name)));
        case AnswerTable::Mark::servfail:
        case AnswerTable::Mark::nxdomain:
        case AnswerTable::Mark::secure: break;
    }
    return {ErrorKind::temporary, fmt::format("no name server could answer about {} (SERVFAIL)", printable(name))};
}

}  // namespace

// The records of a name, made if need be with all its parents, so that each of them exists (RFC 8020).
AnswerTable::RecordSets& AnswerTable::node(std::string_view name) {
    const auto [at, is_new] = names_.try_emplace(std::string(name));
    for (std::string_view parent = parent_of(name); is_new; parent = parent_of(parent))
        if (!names_.try_emplace(std::string(parent)).second) break;
    return at->second;
}

Result<void> AnswerTable::add(const std::string& name, RecordType type, std::string rdata, std::chrono::seconds ttl) {
    RecordSets& sets = node(name);
    const bool has_alias = sets.contains(RecordType::cname);
    if (type == RecordType::cname ? !sets.empty() : has_alias)
        return failure(ErrorKind::conflict,
                       fmt::format("{}: a name with a CNAME record has no other record (RFC 1034 §3.6.2)", name));
    RecordSet& set = sets[type];
    set.ttl = set.rdata.empty() ? ttl : std::min(set.ttl, ttl);
    if (std::ranges::find(set.rdata, rdata) == set.rdata.end()) set.rdata.push_back(std::move(rdata));
    return {};
}

AnswerTable& AnswerTable::data(std::string_view name, RecordType type, std::string_view rdata) {
    add(canonical_name(name).value(), type, std::string(rdata), usual_ttl).value();
    return *this;
}

AnswerTable& AnswerTable::address(std::string_view name, std::string_view ip) {
    const ZoneField field{std::string(ip), false};
    const RecordType type = ip.find(':') == std::string_view::npos ? RecordType::a : RecordType::aaaa;
    return data(name, type, encode_record(type, {&field, 1}, "").value());
}

AnswerTable& AnswerTable::mx(std::string_view name, std::uint16_t preference, std::string_view exchange) {
    const std::string order = {static_cast<char>(preference >> 8), static_cast<char>(preference & 0xff)};
    return data(name, RecordType::mx, order + wire_of(exchange));
}

AnswerTable& AnswerTable::txt(std::string_view name, std::string_view text) {
    return data(name, RecordType::txt, encode_text(text).value());
}

AnswerTable& AnswerTable::ptr(std::string_view ip, std::string_view name) {
    return data(IpAddress::parse(ip).value().reverse_name(), RecordType::ptr, wire_of(name));
}

AnswerTable& AnswerTable::ns(std::string_view name, std::string_view server) {
    return data(name, RecordType::ns, wire_of(server));
}

AnswerTable& AnswerTable::cname(std::string_view name, std::string_view target) {
    return data(name, RecordType::cname, wire_of(target));
}

void AnswerTable::set_mark(const std::string& name, std::optional<RecordType> type, Mark mark) {
    Marks& marks = marks_[{name, type}];
    if (mark == Mark::secure)
        marks.is_secure = true;
    else
        marks.fault = mark;
}

AnswerTable& AnswerTable::mark(std::string_view name, Mark mark) {
    set_mark(canonical_name(name).value(), std::nullopt, mark);
    return *this;
}

AnswerTable& AnswerTable::mark(std::string_view name, RecordType type, Mark mark) {
    set_mark(canonical_name(name).value(), type, mark);
    return *this;
}

// Of the name itself, else of the nearest wildcard above it.
AnswerTable::Marks AnswerTable::marks_of(std::string_view name, RecordType type) const {
    Marks marks;
    if (marks_.empty()) return marks;
    const auto add_from = [&](const std::string& key) {
        for (const std::optional<RecordType> of : {std::optional(type), std::optional<RecordType>()}) {
            const auto found = marks_.find({key, of});
            if (found == marks_.end()) continue;
            if (!marks.fault) marks.fault = found->second.fault;
            marks.is_secure |= found->second.is_secure;
        }
    };
    add_from(std::string(name));
    for (std::string_view parent = name; !parent.empty();) {
        parent = parent_of(parent);
        add_from(parent.empty() ? "*" : fmt::format("*.{}", parent));
    }
    return marks;
}

// nullptr: the name does not exist. A wildcard stands in only below the nearest name that exists (RFC 4592 §3.3.1).
const AnswerTable::RecordSets* AnswerTable::records_of(std::string_view name) const {
    if (const auto found = names_.find(name); found != names_.end()) return &found->second;
    for (std::string_view parent = name; !parent.empty();) {
        parent = parent_of(parent);
        if (!names_.contains(parent)) continue;
        const auto found = names_.find(parent.empty() ? "*" : fmt::format("*.{}", parent));
        return found == names_.end() ? nullptr : &found->second;
    }
    return nullptr;
}

Result<Answer> AnswerTable::find(std::string_view name, RecordType type) const {
    RELEVO_TRY(std::string at, canonical_name(name));
    bool is_secure = true;
    auto ttl = std::chrono::seconds::max();
    for (unsigned hop = 0; hop <= alias_limit; ++hop) {
        const Marks marks = marks_of(at, type);
        is_secure = is_secure && marks.is_secure;
        if (marks.fault && *marks.fault != Mark::nxdomain) return std::unexpected(fault_of(*marks.fault, at));
        const RecordSets* sets = marks.fault ? nullptr : records_of(at);
        const auto alias = sets != nullptr ? sets->find(RecordType::cname) : RecordSets::const_iterator();
        if (sets != nullptr && type != RecordType::cname && alias != sets->end()) {
            ttl = std::min(ttl, alias->second.ttl);
            RELEVO_TRY(at, decode_name(alias->second.rdata.front()));
            continue;
        }
        Answer answer;
        if (sets != nullptr) {
            if (const auto found = sets->find(type); found != sets->end()) {
                RELEVO_TRY(answer, decode_records(type, {found->second.rdata.begin(), found->second.rdata.end()}));
                ttl = std::min(ttl, found->second.ttl);
            }
        }
        answer.name_exists = sets != nullptr;
        answer.security = is_secure ? Security::secure : Security::insecure;
        answer.canonical_name = std::move(at);
        answer.ttl = ttl == std::chrono::seconds::max() ? usual_ttl : ttl;
        return answer;
    }
    return failure(ErrorKind::temporary, fmt::format("too many aliases behind {}", printable(name)));
}

}  // namespace relevo::dns
