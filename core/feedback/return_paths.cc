#include "core/feedback/return_paths.h"

#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo {

std::string ReturnPaths::domain_for(const mail::Address& sender) const {
    const auto domain = comparable_domain(sender.domain());
    if (!domain.has_value()) return {};
    const auto directory = directory_();
    const Domain* row = directory ? directory->domain_for(*domain) : nullptr;
    if (row != nullptr && !row->return_path.empty()) return row->return_path;
    return options_.load()->service_domain;
}

std::optional<mail::ReversePath> ReturnPaths::of_message(const Message& message) const {
    if (!message.tenant || message.envelope.reverse_path.is_null()) return std::nullopt;
    const std::string domain = domain_for(message.envelope.reverse_path.address());
    if (domain.empty()) return std::nullopt;
    const std::string token =
        make_token(*keys_.load(), TokenPurpose::return_path, {.tenant = message.tenant, .message = message.id});
    if (token.empty()) return std::nullopt;
    auto address = mail::Address::parse(
        fmt::format("{}+{}@{}", static_cast<char>(TokenPurpose::return_path), token, domain), mail::Utf8::refused);
    if (!address.has_value()) return std::nullopt;
    return mail::ReversePath(*std::move(address));
}

bool ReturnPaths::is_return_domain(std::string_view ascii_domain) const {
    const auto options = options_.load();
    if (!options->service_domain.empty() && ascii_domain == options->service_domain) return true;
    const auto directory = directory_();
    return directory && directory->domain_of_return_path(ascii_domain) != nullptr;
}

std::optional<ReturnAddress> ReturnPaths::read(const mail::Address& address) const {
    const std::string_view local_part = address.local_part();
    if (local_part.size() < 2 || local_part[1] != '+') return std::nullopt;
    for (const TokenPurpose purpose : {TokenPurpose::return_path, TokenPurpose::unsubscribe}) {
        if (to_lower(local_part.front()) != static_cast<char>(purpose)) continue;
        if (auto token = read_token(*keys_.load(), purpose, local_part.substr(2)))
            return ReturnAddress{purpose, *std::move(token)};
    }
    return std::nullopt;
}

}  // namespace relevo
