// Which address mail leaves with, so that what comes back can be told apart; and which addresses are such.
#pragma once

#include "core/feedback/token.h"
#include "core/spool/message.h"
#include "core/tenancy/directory.h"
#include "lib/mail/address.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace relevo {

struct ReturnPathOptions {
    std::string service_domain;  // A-labels; for tenants' domains without a sub-domain of their own; empty: none
};

// An address of ours that something came back to.
struct ReturnAddress {
    TokenPurpose purpose = TokenPurpose::return_path;
    Token token;
};

// Threads: any.
class ReturnPaths {
 public:
    using DirectorySource = std::function<std::shared_ptr<const Directory>()>;
    ReturnPaths(DirectorySource directory, ReturnPathOptions options)
        : directory_(std::move(directory)), options_(std::make_shared<const ReturnPathOptions>(std::move(options))) {}

    void set_keys(std::shared_ptr<const TokenKeys> keys) { keys_ = std::move(keys); }
    void set_options(ReturnPathOptions options) {
        options_ = std::make_shared<const ReturnPathOptions>(std::move(options));
    }
    [[nodiscard]] std::shared_ptr<const TokenKeys> keys() const { return keys_.load(); }

    // For Spool::Rules: "b+TOKEN@bounces.example.com" for what tenants submit. Nothing for mail from outside, for a
    // null sender, and where neither the sender's domain nor the service has a domain for it.
    [[nodiscard]] std::optional<mail::ReversePath> of_message(const Message& message) const;
    // The domain that mail of `sender` comes back to; empty: to its sender.
    [[nodiscard]] std::string domain_for(const mail::Address& sender) const;
    [[nodiscard]] bool is_return_domain(std::string_view ascii_domain) const;
    // nullopt: no token of ours.
    [[nodiscard]] std::optional<ReturnAddress> read(const mail::Address& address) const;

 private:
    DirectorySource directory_;
    std::atomic<std::shared_ptr<const ReturnPathOptions>> options_;
    std::atomic<std::shared_ptr<const TokenKeys>> keys_ = std::make_shared<const TokenKeys>();
};

}  // namespace relevo
