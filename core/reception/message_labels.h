// What a sender calls its mail: tags, by which it is counted and found, and metadata, which its events carry. In our
// own fields, and in those that other services read.
#pragma once

#include "lib/base/result.h"
#include "lib/mail/message.h"

#include <string>
#include <utility>
#include <vector>

namespace relevo {

struct MessageLabels {
    static constexpr std::size_t tags_limit = 10;
    static constexpr std::size_t tag_octets = 128;
    static constexpr std::size_t metadata_limit = 20;
    static constexpr std::size_t name_octets = 40;
    static constexpr std::size_t value_octets = 256;

    std::vector<std::string> tags;                              // each once, whatever its case
    std::vector<std::pair<std::string, std::string>> metadata;  // by name; the last of a name holds
    [[nodiscard]] bool is_empty() const { return tags.empty() && metadata.empty(); }
};

// Takes a field if it names labels, whatever the case of its name:
//   X-Relevo-Tag, X-PM-Tag, X-Mailgun-Tag, X-Postal-Tag   one tag; such a field may be there several times
//   X-Relevo-Metadata-NAME, X-PM-Metadata-NAME            a value
//   X-Relevo-Metadata, X-Mailgun-Variables                a JSON object of texts, numbers and truth values
//   X-SMTPAPI                                             JSON: category, a text or a list of them; unique_args, as
//   above
// False: it is none of these. Errors: invalid – it cannot be understood; limit – too many, or too long; detail says
// what.
[[nodiscard]] Result<bool> take_labels(MessageLabels& labels, const mail::Field& field);

// The values in `json`, as fields of the origin of a message: "tags" and "metadata".
[[nodiscard]] std::string json_of_tags(const MessageLabels& labels);
[[nodiscard]] std::string json_of_metadata(const MessageLabels& labels);

}  // namespace relevo
