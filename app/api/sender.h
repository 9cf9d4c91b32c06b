// Messages of one call, from their envelope and content to the answer.
#pragma once

#include "app/api/api.h"
#include "core/accounts/idempotency.h"
#include "lib/mail/envelope.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::api {

// What one message of a request becomes.
struct Prepared {
    mail::Envelope envelope;
    std::string content;
    std::vector<std::string> pointers;  // of each recipient of the envelope
};

// Threads: the connection's shard. Lives no longer than the call.
class Sender {
 public:
    template <class T>
    using Tried = std::expected<T, Trouble>;

    Sender(Ports& ports, const Call& call) : ports_(ports), call_(call) {}

    // As whom messages are sent: the key's own tenant, or the one that the request names. A refusal, or nothing.
    [[nodiscard]] std::optional<Trouble> choose_tenant(const std::string& named);
    // Keeps a message, once for each key, and answers. `key`: its Idempotency-Key, or ""; `body`: what the key stands
    // for.
    Task<Tried<HttpResponse>> send(Tried<Prepared> prepared, const std::string& key, std::string_view body);

 private:
    using Also = std::function<Result<void>(Transaction&, const AcceptedMessage&)>;
    Task<std::expected<AcceptedMessage, NotAccepted>> take(Prepared prepared, Also also);
    [[nodiscard]] std::optional<Trouble> too_large(const Prepared& prepared) const;
    [[nodiscard]] Trouble trouble_of_refusal(const NotAccepted& refusal,
                                             const std::vector<std::string>& pointers) const;
    // The answer that was given to the same request before.
    Task<std::optional<Tried<HttpResponse>>> replay(const IdempotentRequest& once);

    Ports& ports_;
    const Call& call_;
    TenantId tenant_;
};

}  // namespace relevo::api
