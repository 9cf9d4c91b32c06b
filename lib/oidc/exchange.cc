#include "lib/oidc/exchange.h"

#include "lib/base/base64.h"
#include "lib/base/base64url.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

namespace relevo::oidc {
namespace {

using boost::json::value;
using json::member;
using json::text_of;

constexpr std::size_t access_token_limit_octets = 8192;

void append(std::string& form, std::string_view name, std::string_view content) {
    if (!form.empty()) form += '&';
    form += fmt::format("{}={}", name, form_encoded(content));
}

Error error_of(long status, const value& answer) {
    const std::string_view code = text_of(member(answer, "error"));
    const std::string told = fmt::format("status {}, \"{}\", {}", status, printable(code, 60),
                                         printable(text_of(member(answer, "error_description")), 300));
    if (code == "invalid_grant") return {ErrorKind::refused, "the provider does not take the code: " + told};
    if (status >= 500 || code == "temporarily_unavailable" || code == "server_error")
        return {ErrorKind::temporary, "the provider failed: " + told};
    return {ErrorKind::invalid, "the provider does not take this client: " + told};
}

}  // namespace

std::string form_encoded(std::string_view text) {
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~')
            encoded += c;
        else
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

std::string code_challenge(std::string_view code_verifier) {
    std::string hash(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    if (EVP_Digest(code_verifier.data(), code_verifier.size(), reinterpret_cast<unsigned char*>(hash.data()), &length,
                   EVP_sha256(), nullptr) != 1)
        length = 0;
    return encode_base64url(std::string_view(hash).substr(0, length));
}

std::string authorization_url(const Provider& provider, const Client& client, const SignInRequest& request) {
    std::string scopes = "openid";
    for (const std::string& scope : request.scopes)
        if (scope != "openid") scopes += " " + scope;
    std::string query;
    append(query, "response_type", "code");
    append(query, "client_id", client.id);
    append(query, "redirect_uri", client.redirect_uri);
    append(query, "scope", scopes);
    append(query, "state", request.state);
    append(query, "nonce", request.nonce);
    append(query, "code_challenge", code_challenge(request.code_verifier));
    append(query, "code_challenge_method", "S256");
    // The endpoint "MAY include a query component, which MUST be retained" (RFC 6749 §3.1).
    const std::string& endpoint = provider.authorization.text;
    return endpoint + (endpoint.find('?') == std::string::npos ? "?" : "&") + query;
}

TokenRequest token_request(const Provider& provider, const Client& client, std::string_view code,
                           std::string_view code_verifier) {
    TokenRequest request{.form = {}, .fields = {"Accept: application/json"}};
    append(request.form, "grant_type", "authorization_code");
    append(request.form, "code", code);
    append(request.form, "redirect_uri", client.redirect_uri);
    append(request.form, "code_verifier", code_verifier);
    if (!client.secret.empty() && provider.authentication == ClientAuthentication::basic) {
        // Both are form-encoded before they become a login (RFC 6749 §2.3.1).
        const std::string login = form_encoded(client.id) + ":" + form_encoded(client.secret);
        request.fields.push_back("Authorization: Basic " + encode_base64(login));
        return request;
    }
    append(request.form, "client_id", client.id);
    if (!client.secret.empty()) append(request.form, "client_secret", client.secret);
    return request;
}

Result<TokenAnswer> parse_token_answer(long status, std::string_view body) {
    const auto parsed = json::parse(body, {.octets = TokenAnswer::text_limit, .depth = 16});
    const value answer = parsed.has_value() ? *parsed : value(nullptr);
    if (status != 200) return std::unexpected(error_of(status, answer));
    if (!parsed.has_value())
        return failure(ErrorKind::temporary, "the provider's answer is not JSON: " + parsed.error().detail);
    const std::string_view id_token = text_of(member(answer, "id_token"));
    const std::string_view access_token = text_of(member(answer, "access_token"));
    if (id_token.empty())
        return failure(ErrorKind::unsupported,
                       "the provider gave no ID token: allow the client the scope \"openid\" there");
    // It goes into a field of a request (RFC 6750 §2.1).
    const bool is_sendable = access_token.size() <= access_token_limit_octets &&
                             std::ranges::all_of(access_token, [](char c) { return c > ' ' && c < '\x7F'; });
    return TokenAnswer{.id_token = std::string(id_token),
                       .access_token = is_sendable ? std::string(access_token) : std::string()};
}

}  // namespace relevo::oidc
