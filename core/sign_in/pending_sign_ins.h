// Sign-ins by a provider that were begun and not finished.
#pragma once

#include "core/sign_in/pending.h"

#include <chrono>
#include <string>

namespace relevo {

// May be finished by the browser that began it alone.
struct PendingSignIn {
    static constexpr std::chrono::minutes lifetime{10};
    std::string provider, issuer;
    std::string state, nonce, code_verifier;
    std::string browser;         // what its cookie holds
    std::string former_session;  // token of the session that the browser had; it ends
    std::string network;         // of the peer
    Deadline ends;
};
using PendingSignIns = Pending<PendingSignIn, &PendingSignIn::state>;

}  // namespace relevo
