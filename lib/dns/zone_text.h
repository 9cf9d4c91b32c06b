// The syntax of zone files (RFC 1035 §5): lines into fields, fields into RDATA. Used by AnswerTable.
#pragma once

#include "lib/dns/record.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::dns {

struct ZoneField {
    std::string text;  // escapes still in it
    bool is_quoted = false;
};

// One entry: a line, or several that parentheses join.
struct ZoneEntry {
    std::size_t line = 0;           // where it begins, from 1
    bool has_owner = true;          // false: it begins with blanks, so it belongs to the name before
    std::vector<ZoneField> fields;  // never empty
};

// Reads entry after entry; comments and empty lines are passed over. `text` must outlive it.
class ZoneReader {
 public:
    explicit ZoneReader(std::string_view text) : text_(text) {}
    // Nothing at the end. Errors: invalid – an open quote or parenthesis, a control character; line() says where.
    [[nodiscard]] Result<std::optional<ZoneEntry>> next();
    [[nodiscard]] std::size_t line() const { return line_; }

 private:
    [[nodiscard]] Result<ZoneField> quoted();
    [[nodiscard]] ZoneField plain();
    [[nodiscard]] bool skip_break(ZoneEntry& entry);
    void skip_comment();

    std::string_view text_;
    std::size_t line_ = 1;
    unsigned open_ = 0;  // parentheses
};

// A name of a zone file in canonical spelling: relative to `origin` (canonical) unless it ends with a dot; "@" is the
// origin. Errors: invalid.
[[nodiscard]] Result<std::string> zone_name(const ZoneField& field, std::string_view origin);

// A number of seconds, or of "1w2d3h4m5s". Nothing if it is not one.
[[nodiscard]] std::optional<std::chrono::seconds> zone_ttl(std::string_view text);

// The RDATA of a record from its fields. Errors: invalid, with what is wrong.
[[nodiscard]] Result<std::string> encode_record(RecordType type, std::span<const ZoneField> fields,
                                                std::string_view origin);

// Text as the strings of a TXT record, 255 octets each. Errors: invalid – more than a record can hold.
[[nodiscard]] Result<std::string> encode_text(std::string_view text);

}  // namespace relevo::dns
