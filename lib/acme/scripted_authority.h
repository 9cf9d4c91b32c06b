// An authority that answers as a test says, for tests of lib/acme and core/certificates.
#pragma once

#include "lib/acme/issuance.h"
#include "lib/base/base64url.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace relevo::acme {

inline constexpr std::string_view authority_origin = "https://ca.example";

// Plays RFC 8555 for one name. `on` replaces the answer to an address once for each call of it.
class ScriptedAuthority {
 public:
    std::string name = "mail.example.com";
    std::string challenges =
        R"([{"type":"http-01","url":"https://ca.example/challenge","token":"tok_en-1","status":"pending"},
        {"type":"dns-01","url":"https://ca.example/challenge-dns","token":"tok_en-2","status":"pending"}])";
    std::string authorization_status = "pending";
    std::string order_status = "pending";
    std::string chain;
    std::vector<std::string> asked{};   // paths, in order
    std::vector<std::string> posted{};  // what was signed, in order
    std::string renewal_info{};         // body of the answer about any certificate; "": it is not offered
    std::optional<std::chrono::seconds> renewal_retry_after{};
    unsigned nonces = 0;

    void on(const std::string& path, AuthorityAnswer answer) { next_[path].push_back(std::move(answer)); }

    AuthorityAnswer answer(const Ask& request) {
        const std::string path = request.url.substr(authority_origin.size());
        asked.push_back(path);
        if (request.post) posted.push_back(*request.post);
        AuthorityAnswer given;
        if (auto& queued = next_[path]; !queued.empty()) {
            given = queued.front();
            queued.erase(queued.begin());
        } else {
            given = page(path);
        }
        if (given.nonce.empty() && path != "/directory") given.nonce = fmt::format("nonce{}", ++nonces);
        return given;
    }

    // What was asked for in the signed request `index`, as JSON.
    [[nodiscard]] std::string payload(std::size_t index) const {
        constexpr std::string_view member = R"("payload":")";
        const std::string& text = posted.at(index);
        const std::size_t start = text.find(member) + member.size();
        return decode_base64url(std::string_view(text).substr(start, text.find('"', start) - start)).value_or("");
    }

    [[nodiscard]] static AuthorityAnswer problem(long status, std::string_view type, std::string_view detail) {
        return {.status = status,
                .body = fmt::format(R"({{"type":"urn:ietf:params:acme:error:{}","detail":"{}"}})", type, detail),
                .nonce = {},
                .location = {},
                .retry_after = {}};
    }

 private:
    [[nodiscard]] std::string order() const {
        return fmt::format(
            R"({{"status":"{}","authorizations":["https://ca.example/authorization"],"finalize":"https://ca.example/finalize"{}}})",
            order_status, order_status == "valid" ? R"(,"certificate":"https://ca.example/certificate")" : "");
    }

    AuthorityAnswer page(const std::string& path) {
        AuthorityAnswer given{.status = 200, .body = {}, .nonce = {}, .location = {}, .retry_after = {}};
        if (path == "/directory")
            given.body =
                R"({"newNonce":"https://ca.example/nonce","newAccount":"https://ca.example/account","newOrder":"https://ca.example/order","meta":{"termsOfService":"https://ca.example/terms"}})";
        if (path == "/directory" && !renewal_info.empty())
            given.body.insert(1, R"("renewalInfo":"https://ca.example/renewal",)");
        if (path.starts_with("/renewal/")) {
            given.body = renewal_info;
            given.retry_after = renewal_retry_after;
        }
        if (path == "/account") given.location = "https://ca.example/account/1";
        if (path == "/order") {
            given.status = 201;
            given.location = "https://ca.example/order/1";
        }
        if (path == "/authorization")
            given.body = fmt::format(R"({{"status":"{}","identifier":{{"type":"dns","value":"{}"}},"challenges":{}}})",
                                     authorization_status, name, challenges);
        if (path == "/challenge") {
            authorization_status = "valid";
            order_status = "ready";
            given.body = "{}";
            given.retry_after = std::chrono::seconds(0);  // no test waits
        }
        if (path == "/finalize") order_status = "valid";
        if (path == "/order" || path == "/order/1" || path == "/finalize") given.body = order();
        if (path == "/certificate") given.body = chain;
        return given;
    }

    std::map<std::string, std::vector<AuthorityAnswer>> next_;
};

}  // namespace relevo::acme
