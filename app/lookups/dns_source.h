// Where the answers of a look-up come from: the network, or a file.
#pragma once

#include "app/cli/commands.h"
#include "lib/dns/inquiry.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo::lookups {

inline constexpr std::chrono::seconds question_time{5};  // for one of many questions
inline constexpr std::chrono::seconds total_time{20};    // for all that one command waits for (RFC 7208 §4.6.4)

// Answers one question after the other, for dns::run(). Threads: one.
class DnsSource {
 public:
    virtual ~DnsSource() = default;
    // As dns::ask() promises.
    [[nodiscard]] virtual Result<dns::Answer> answer(const dns::Question& question) = 0;
    // The network may be used.
    [[nodiscard]] virtual bool is_live() const = 0;
    // "Secure" can be told from "insecure".
    [[nodiscard]] virtual bool validates() const = 0;
    // When the command must end.
    [[nodiscard]] virtual std::chrono::steady_clock::time_point deadline() const = 0;

    // Asks whatever a job wants to know next, several jobs at a time. A question waits for question_time at most;
    // behind `until` all are answered with an error.
    class Job {
     public:
        virtual ~Job() = default;
        virtual const dns::Question* next() = 0;  // nullptr: it is done
        virtual void answer(Result<dns::Answer> answer) = 0;
    };
    virtual void answer_all(std::vector<std::unique_ptr<Job>> jobs, std::chrono::steady_clock::time_point until) = 0;

    // Many inquiries at once; what they give, in their order.
    template <class T>
    [[nodiscard]] std::vector<T> run_all(std::vector<dns::Inquiry<T>> inquiries,
                                         std::chrono::steady_clock::time_point until) {
        std::vector<std::optional<T>> found(inquiries.size());
        std::vector<std::unique_ptr<Job>> jobs;
        for (std::size_t index = 0; index < inquiries.size(); ++index)
            jobs.push_back(std::make_unique<InquiryJob<T>>(std::move(inquiries[index]), found[index]));
        answer_all(std::move(jobs), until);
        std::vector<T> results;
        for (std::optional<T>& result : found) results.push_back(*std::move(result));
        return results;
    }

    template <class T>
    [[nodiscard]] T run(dns::Inquiry<T> inquiry) {
        return dns::run(std::move(inquiry), [this](const dns::Question& question) { return answer(question); });
    }

 private:
    template <class T>
    class InquiryJob final : public Job {
     public:
        InquiryJob(dns::Inquiry<T> inquiry, std::optional<T>& place) : inquiry_(std::move(inquiry)), place_(place) {}
        const dns::Question* next() override {
            const dns::Question* question = inquiry_.next();
            if (question == nullptr && !place_) place_ = std::move(inquiry_).take();
            return question;
        }
        void answer(Result<dns::Answer> answer) override { inquiry_.answer(std::move(answer)); }

     private:
        dns::Inquiry<T> inquiry_;
        std::optional<T>& place_;
    };
};

// The file options.dns_file if one is named, else the servers of options.dns, else those of /etc/resolv.conf.
// Errors: io – the file cannot be read. invalid – it has a mistake (detail names file and line), or options.dns has.
[[nodiscard]] Result<std::unique_ptr<DnsSource>> open_dns(const cli::LookupOptions& options);

// A table in memory, for tests and --dns.
[[nodiscard]] Result<std::unique_ptr<DnsSource>> dns_from_text(std::string_view text);

}  // namespace relevo::lookups
