// Opens and clicks, put together: which messages get links of ours, and what happens when somebody asks for one.
#pragma once

#include "core/ports/http.h"
#include "core/tenancy/directory.h"
#include "core/tracking/link_book.h"
#include "core/tracking/preparation.h"
#include "core/tracking/visit_log.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace relevo {

// Threads: any; a coroutine runs on its caller's shard.
class Tracker {
 public:
    struct Ports {
        Shard& shard;  // where events are written
        Spool& spool;
        Committer& committer;
        Log& log;
        Metrics& metrics;
        std::function<std::shared_ptr<const TokenKeys>()> keys;
        std::function<std::shared_ptr<const Directory>()> directory;
    };
    Tracker(Ports ports, TrackingOptions options);

    void set_options(TrackingOptions options) {
        options_ = std::make_shared<const TrackingOptions>(std::move(options));
    }
    [[nodiscard]] std::shared_ptr<const TrackingOptions> options() const { return options_.load(); }

    // The message with what is tracked of it. `request.base_url` and `tracked`: of tracked_of() and tracking_base().
    [[nodiscard]] PreparedMessage prepare(std::string_view content, const PreparationRequest& request);
    // What must be written with the message: rows that are not there yet; nothing if all are. Of prepare()'s links.
    [[nodiscard]] std::vector<TrackedLink> unwritten(TenantId tenant, std::vector<TrackedLink> links,
                                                     WallClock::time_point now) {
        return links_.unwritten(tenant, std::move(links), day_of(now));
    }
    void note_written(TenantId tenant, const std::vector<TrackedLink>& links, WallClock::time_point now) {
        links_.note_written(tenant, links, day_of(now));
    }

    // Whether that path is one of ours.
    [[nodiscard]] static bool is_ours(std::string_view path) {
        return path.starts_with(open_path) || path.starts_with(click_path);
    }
    // The image, or a redirect to where a link of that message led. 404 for whatever was not made here, is forgotten,
    // is of a tenant that is suspended or gone, or was asked of another tenant's host (security row E6). HEAD gets the
    // same answer and makes no event.
    Task<HttpResponse> answer(HttpRequest request);

    // Rows of the housekeeping.
    Result<void> keep_house(Transaction& transaction, WallClock::time_point now) const;
    // Writes what waits; at the end. Threads: the shard's.
    Task<> finish() { return visits_.finish(); }

 private:
    [[nodiscard]] bool may_answer(const TrackingToken& token, std::string_view host) const;

    Ports ports_;
    std::atomic<std::shared_ptr<const TrackingOptions>> options_;
    Counter &rewritten_, &left_alone_, &refused_;
    LinkBook links_;
    VisitLog visits_;
};

}  // namespace relevo
