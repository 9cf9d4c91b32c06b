// Answers from a table instead of the DNS: what a person wrote into a file (docs/formats/dns-answers.md), or what a
// test put together.
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/dns/record.h"

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::dns {

// Answers as an authoritative server would (RFC 1034 §4.3.2): CNAMEs are followed, wildcards apply, a name with only
// names below it exists. Names are compared without case and final dot. Threads: any, while nothing is added.
class AnswerTable {
 public:
    // What is said about a name beside its records.
    enum class Mark : std::uint8_t {
        timeout,   // no answer: Error timeout
        servfail,  // Error temporary
        bogus,     // Error temporary: "DNSSEC validation failed …"
        nxdomain,  // the name does not exist, whatever else the table says
        secure,    // answers count as validated
    };
    static constexpr std::size_t text_limit_octets = 4 * 1024 * 1024;
    static constexpr unsigned alias_limit = 10;  // CNAMEs behind one question

    // Errors: invalid – "line 7: …" with the cause; limit – the text is too long.
    [[nodiscard]] static Result<AnswerTable> parse(std::string_view text);

    // Each adds one record, with a TTL of 300 seconds, and returns this table. Names and addresses must be well-formed:
    // whoever writes a table in code writes it right. In names "\DDD" and "\." are escapes.
    AnswerTable& address(std::string_view name, std::string_view ip);  // A or AAAA, by the form of `ip`
    AnswerTable& mx(std::string_view name, std::uint16_t preference, std::string_view exchange);
    AnswerTable& txt(std::string_view name, std::string_view text);
    AnswerTable& ptr(std::string_view ip, std::string_view name);
    AnswerTable& ns(std::string_view name, std::string_view server);
    AnswerTable& cname(std::string_view name, std::string_view target);
    AnswerTable& data(std::string_view name, RecordType type, std::string_view rdata);  // `rdata` in wire form
    // For questions of every type, or of one. A name "*.example" means every name below example.
    AnswerTable& mark(std::string_view name, Mark mark);
    AnswerTable& mark(std::string_view name, RecordType type, Mark mark);

    // What a Resolver would say. Errors: temporary, timeout – as marked, or too many CNAMEs; invalid – not a name.
    [[nodiscard]] Result<Answer> find(std::string_view name, RecordType type) const;
    [[nodiscard]] Result<Answer> operator()(const Question& question) const {
        return find(question.name, question.type);
    }

 private:
    friend class AnswerTableReader;
    struct RecordSet {
        std::chrono::seconds ttl{0};  // the smallest of its records
        std::vector<std::string> rdata;
    };
    using RecordSets = std::map<RecordType, RecordSet>;
    struct Marks {
        std::optional<Mark> fault;  // every mark but secure
        bool is_secure = false;
    };
    // Nothing in place of a type: every type.
    using MarkKey = std::pair<std::string, std::optional<RecordType>>;

    // `name` is canonical. Errors: conflict – a CNAME beside other records (RFC 1034 §3.6.2).
    Result<void> add(const std::string& name, RecordType type, std::string rdata, std::chrono::seconds ttl);
    RecordSets& node(std::string_view name);
    void set_mark(const std::string& name, std::optional<RecordType> type, Mark mark);
    [[nodiscard]] Marks marks_of(std::string_view name, RecordType type) const;
    [[nodiscard]] const RecordSets* records_of(std::string_view name) const;

    std::map<std::string, RecordSets, std::less<>> names_{{"", {}}};  // with every parent, the root too
    std::map<MarkKey, Marks> marks_;
};

}  // namespace relevo::dns
