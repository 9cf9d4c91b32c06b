// The operations of the API that are requests of the control protocol, and what a tenant's key may ask of them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace relevo::api {

// How an operation is kept inside the tenant of who asks (security row E9). Somebody of the whole server may ask
// anything.
enum class Bounds : std::uint8_t {
    tenant,      // the argument "tenant" is the tenant's own
    domain,      // the argument "domain" names one of its domains
    credential,  // the argument "credential" names one of its credentials
    message,     // the argument "id" names one of its messages
    key,         // the argument "key" names one of its API keys
    user,        // the argument "user" names one of its users
    webhook,     // the argument "webhook" names one of its webhooks
    queue,       // as `tenant`; a message that is named is looked for among its own
    server,      // for the whole server alone
};

struct ControlOperation {
    std::string_view id;       // operationId
    std::string_view command;  // of docs/control-protocol.md
    Bounds bounds = Bounds::server;
    std::string_view list{};  // member of the result that becomes "data"; empty: the result is an object
    unsigned status = 200;
    bool empty_is_missing = false;  // a result whose lists are all empty means that there is no such thing
};

[[nodiscard]] std::span<const ControlOperation> control_operations();
// nullptr: the operation is done another way.
[[nodiscard]] const ControlOperation* control_operation(std::string_view id);

// The others, that give out something else than JSON.
inline constexpr std::string_view html_operation = "getMessageHtml";
inline constexpr std::string_view stream_operation = "streamEvents";

}  // namespace relevo::api
