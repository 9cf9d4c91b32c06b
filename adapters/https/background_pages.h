// The port WebPages on threads of its own: libcurl blocks.
#pragma once

#include "core/ports/web_pages.h"

#include <memory>

namespace relevo::https {

// Threads: any. Destroying it ends what is being fetched; whoever waits gets `cancelled`.
class BackgroundPages final : public WebPages {
 public:
    // A web server that does not answer holds up one of the threads for its whole time limit, and the others go on.
    explicit BackgroundPages(std::size_t waiting_limit = 100, std::size_t threads = 2);
    ~BackgroundPages() override;

    Task<Result<Page>> fetch(PageRequest request) override;

 private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace relevo::https
