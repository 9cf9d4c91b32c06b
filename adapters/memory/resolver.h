// A resolver that answers from a table, for tests and simulations.
#pragma once

#include "core/ports/resolver.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo {

// Names are compared without case and final dot. A name that has no record of any type, nor a name below it, does not
// exist. A question after its deadline is answered with timeout, as by servers. Threads: one shard's, or any if nothing
// is added any more.
class MemoryResolver final : public Resolver {
 public:
    enum class Fault : std::uint8_t {
        servfail,  // temporary
        bogus,     // temporary: "DNSSEC validation failed"
        timeout,   // waits until the deadline
    };

    // Each adds one record to the name; the chain returns this resolver.
    MemoryResolver& address(std::string_view name, std::string_view ip);  // A or AAAA, by the form of `ip`
    MemoryResolver& mx(std::string_view name, std::uint16_t preference, std::string_view exchange);
    MemoryResolver& txt(std::string_view name, std::string_view text);
    MemoryResolver& ptr(std::string_view ip, std::string_view name);
    MemoryResolver& ns(std::string_view name, std::string_view server);
    MemoryResolver& cname(std::string_view name, std::string_view target);
    MemoryResolver& data(std::string_view name, dns::RecordType type, std::string_view rdata);
    // Adds to, or makes, the answer to one question.
    MemoryResolver& record(std::string_view name, dns::RecordType type, const dns::Answer& answer);
    // Each question for the name fails, of `type` or of every type.
    MemoryResolver& fault(std::string_view name, Fault fault);
    MemoryResolver& fault(std::string_view name, dns::RecordType type, Fault fault);
    // Answers for this name count as validated.
    MemoryResolver& secure(std::string_view name);
    void clear();

    // Every question so far, as "name TYPE-number".
    [[nodiscard]] const std::vector<std::string>& questions() const { return questions_; }

    // The most questions that waited for an answer at a time (Fault::timeout).
    [[nodiscard]] std::size_t unanswered_at_once() const { return unanswered_at_once_; }

    Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) override;

 private:
    using Key = std::pair<std::string, dns::RecordType>;
    dns::Answer& answer_for(std::string_view name, dns::RecordType type);
    [[nodiscard]] bool exists(std::string_view name) const;
    [[nodiscard]] const Fault* find_fault(const Key& key) const;

    std::map<Key, dns::Answer> answers_;
    std::map<Key, Fault> faults_;
    std::map<std::string, Fault> name_faults_;
    std::map<std::string, bool> secure_;
    std::vector<std::string> questions_;
    std::size_t unanswered_ = 0, unanswered_at_once_ = 0;
};

}  // namespace relevo
