// What submission adds to a message and takes from it (RFC 6409 §8).
#include "lib/base/text.h"
#include "lib/mail/message.h"

namespace relevo::mail {
namespace {

bool is_hidden_recipient(const Field& field) {
    return equals_ignoring_case(field.name, "Bcc") || equals_ignoring_case(field.name, "Resent-Bcc");
}

std::size_t offset_in(std::string_view content, std::string_view part) {
    return static_cast<std::size_t>(part.data() - content.data());
}

void remove_range(SubmissionFixes& fixes, std::size_t begin, std::size_t end) {
    if (!fixes.removed.empty() && fixes.removed.back().second == begin)
        fixes.removed.back().second = end;
    else
        fixes.removed.emplace_back(begin, end);
}

// True if the body follows the fields without an empty line between, or there is no field at all: the fields put in
// front would run into it.
bool lacks_separator(const Header& header, std::string_view content) {
    if (header.fields().empty()) return header.body_offset() == 0;
    const std::string_view last = header.fields().back().raw;
    return offset_in(content, last) + last.size() == header.body_offset() && header.body_offset() < content.size();
}

}  // namespace

std::optional<std::size_t> missing_separator(const Header& header, std::string_view content) {
    if (!lacks_separator(header, content)) return std::nullopt;
    return header.body_offset();
}

SubmissionFixes fixes_for_submission(const Header& header, std::string_view content, std::string_view message_id,
                                     std::chrono::system_clock::time_point now) {
    SubmissionFixes fixes;
    if (header.find("Date") == nullptr) fixes.prefix.append("Date: ").append(format_date(now)).append("\r\n");
    if (header.find("Message-ID") == nullptr) fixes.prefix.append("Message-ID: <").append(message_id).append(">\r\n");
    for (const Field& field : header.fields()) {
        if (!is_hidden_recipient(field)) continue;
        const std::size_t begin = offset_in(content, field.raw);
        remove_range(fixes, begin, begin + field.raw.size());
    }
    fixes.separator_offset = missing_separator(header, content);
    return fixes;
}

std::vector<Field> fields_after(const Header& header, std::string_view content, const SubmissionFixes& fixes) {
    const auto added = Header::parse(fixes.prefix);
    std::vector<Field> fields = added.has_value() ? added->fields() : std::vector<Field>();  // two at most: it parses
    fields.reserve(fields.size() + header.fields().size());
    auto removed = fixes.removed.begin();
    for (const Field& field : header.fields()) {
        const std::size_t begin = offset_in(content, field.raw);
        while (removed != fixes.removed.end() && removed->second <= begin) ++removed;
        if (removed == fixes.removed.end() || begin < removed->first) fields.push_back(field);
    }
    return fields;
}

std::string apply_fixes(std::string_view prefix, std::string_view content, const SubmissionFixes& fixes) {
    std::string fixed;
    fixed.reserve(prefix.size() + fixes.prefix.size() + content.size() + 2);
    fixed.append(prefix).append(fixes.prefix);
    std::size_t kept_from = 0;
    for (const auto& [begin, end] : fixes.removed) {
        fixed.append(content.substr(kept_from, begin - kept_from));
        kept_from = end;
    }
    if (fixes.separator_offset) {  // all that is removed stands before it
        fixed.append(content.substr(kept_from, *fixes.separator_offset - kept_from)).append("\r\n");
        kept_from = *fixes.separator_offset;
    }
    fixed.append(content.substr(kept_from));
    return fixed;
}

}  // namespace relevo::mail
