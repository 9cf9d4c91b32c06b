// The work of check_spf(): one check, record by record. Not for use outside.
#pragma once

#include "lib/dns/inquiry.h"
#include "lib/mailauth/spf_check.h"
#include "lib/mailauth/spf_macro.h"
#include "lib/mailauth/spf_record.h"

#include <optional>
#include <string>
#include <vector>

namespace relevo::mailauth {

// What check_host() of one domain came to.
struct SpfOutcome {
    SpfResult result = SpfResult::none;
    std::string domain;     // whose record decided
    std::string mechanism;  // of that record
    std::string reason;
    std::optional<std::string> explanation;  // the domain-spec of exp= in that record
};

class SpfEvaluation {
 public:
    // Both must outlive it. Counters and steps go into `verdict`.
    SpfEvaluation(const SpfQuery& query, SpfVerdict& verdict);

    // `record`: used in place of a question. `depth`: of include and redirect.
    [[nodiscard]] dns::Inquiry<SpfOutcome> check_host(std::string domain, unsigned depth,
                                                      std::optional<std::string> record);
    // The text of exp=; "" if there is none that can be shown (§6.2).
    [[nodiscard]] dns::Inquiry<std::string> explain(std::string domain, std::string domain_spec);

 private:
    struct Match {
        enum class Kind : std::uint8_t { no, yes, temperror, permerror } kind = Kind::no;
        std::string why;
    };
    struct ClientName {
        std::string name;
        std::optional<bool> is_confirmed;  // absent: not looked at yet
    };

    [[nodiscard]] dns::Inquiry<Result<dns::Answer>> look_up(std::string name, dns::RecordType type);
    [[nodiscard]] dns::Inquiry<Result<std::string>> fetch_record(std::string name, unsigned depth, SpfResult& problem);
    [[nodiscard]] dns::Inquiry<SpfOutcome> follow_redirect(std::string domain, std::string domain_spec, unsigned depth);
    [[nodiscard]] dns::Inquiry<Match> evaluate(const SpfMechanism& mechanism, std::string domain, unsigned depth);
    [[nodiscard]] dns::Inquiry<Match> match_include(std::string target, unsigned depth);
    [[nodiscard]] dns::Inquiry<Match> match_addresses(const SpfMechanism& mechanism, std::string target);
    [[nodiscard]] dns::Inquiry<Match> match_exchanges(const SpfMechanism& mechanism, std::string target);
    [[nodiscard]] dns::Inquiry<Match> match_client_name(std::string target);
    [[nodiscard]] dns::Inquiry<Match> match_existence(std::string target);
    [[nodiscard]] dns::Inquiry<std::string> expand(std::string text, std::string domain, std::size_t limit);
    // The names that the client's address leads to, at most ten; false: they could not be found.
    [[nodiscard]] dns::Inquiry<bool> find_client_names();
    [[nodiscard]] dns::Inquiry<bool> confirm(ClientName& candidate);
    [[nodiscard]] dns::Inquiry<std::string> validated_name(std::string domain);

    [[nodiscard]] bool count_lookup();
    [[nodiscard]] std::optional<Match> count_void(const dns::Answer& answer, bool is_empty);
    [[nodiscard]] Match match_of_fault(const Error& error, std::string_view name) const;
    [[nodiscard]] std::optional<std::string> matching(const std::vector<dns::IpAddress>& addresses,
                                                      const SpfMechanism& mechanism) const;
    std::size_t add_step(unsigned depth, std::string_view subject, std::string_view outcome);
    void end_step(std::size_t step, std::string_view outcome);

    const SpfQuery& query_;
    SpfVerdict& verdict_;
    unsigned questions_ = 0;
    std::optional<std::vector<ClientName>> client_names_;  // asked for at most once
    std::string client_names_problem_;
};

}  // namespace relevo::mailauth
