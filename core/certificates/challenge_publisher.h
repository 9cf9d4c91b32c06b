// Shows the answers to challenges to an authority. Implemented by the application.
#pragma once

#include "core/ports/task.h"
#include "lib/acme/issuance.h"

namespace relevo {

// Threads: the keeper's shard.
class ChallengePublisher {
 public:
    virtual ~ChallengePublisher() = default;
    // When it completes, the authority may come. Errors: with the text for who must act.
    virtual Task<Result<void>> publish(acme::Publish challenge) = 0;
    // It is not needed any more. Must take little time, and tell problems itself.
    virtual Task<> withdraw(acme::Publish challenge) = 0;
};

}  // namespace relevo
