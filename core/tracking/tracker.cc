#include "core/tracking/tracker.h"

#include "lib/base/text.h"

namespace relevo {
namespace {

constexpr std::size_t host_limit_octets = 300;

// One transparent pixel (GIF89a).
constexpr std::string_view image(
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF\x21\xF9\x04\x01\x00\x00\x00\x00\x2C\x00\x00\x00\x00"
    "\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3B",
    43);

HttpResponse with_privacy(HttpResponse response) {
    response.fields.insert(response.fields.end(), {{"Cache-Control", "no-store"},
                                                   {"Referrer-Policy", "no-referrer"},
                                                   {"X-Content-Type-Options", "nosniff"},
                                                   {"X-Robots-Tag", "noindex, nofollow"}});
    return response;
}

HttpResponse not_here() {
    return with_privacy({.status = 404, .body = "This link is not valid: it is damaged, or not from here.\n"});
}

// Without port, in lower case.
std::string host_of(std::string_view field) {
    if (field.size() > host_limit_octets) return {};
    const std::size_t port = field.rfind(':');
    const bool has_port = port != std::string_view::npos && field.find(']', port) == std::string_view::npos;
    return to_lower(has_port ? field.substr(0, port) : field);
}

}  // namespace

Tracker::Tracker(Ports ports, TrackingOptions options)
    : ports_(std::move(ports)),
      options_(std::make_shared<const TrackingOptions>(std::move(options))),
      rewritten_(ports_.metrics.counter("relevo_tracking_rewritten_total", "Messages that got links or an image")),
      left_alone_(ports_.metrics.counter("relevo_tracking_left_alone_total",
                                         "Messages that should be tracked and had nothing that may be changed")),
      refused_(ports_.metrics.counter("relevo_tracking_refused_total",
                                      "Requests for images and links that are not ours, or not any more")),
      visits_(VisitLog::Ports{.shard = ports_.shard,
                              .spool = ports_.spool,
                              .committer = ports_.committer,
                              .log = ports_.log,
                              .metrics = ports_.metrics,
                              .options = [this] { return options_.load(); }}) {}

PreparedMessage Tracker::prepare(std::string_view content, const PreparationRequest& request) {
    PreparedMessage prepared = prepare_tracking(content, *ports_.keys(), request);
    (prepared.content.empty() ? left_alone_ : rewritten_).add();
    return prepared;
}

bool Tracker::may_answer(const TrackingToken& token, std::string_view host) const {
    const auto directory = ports_.directory();
    const Tenant* tenant = directory->tenant(token.tenant);
    if (tenant == nullptr || tenant->suspended) return false;
    const Domain* owner = directory->domain_of_tracking_host(host_of(host));
    return owner == nullptr || owner->tenant == token.tenant;
}

Task<HttpResponse> Tracker::answer(HttpRequest request) {
    const bool is_head = request.method == "HEAD";
    if (!is_head && request.method != "GET")
        co_return with_privacy(
            {.status = 405, .body = "Only GET is answered here.\n", .fields = {{"Allow", "GET, HEAD"}}});
    const TrackedKind kind = request.path().starts_with(open_path) ? TrackedKind::open : TrackedKind::click;
    // A query means nothing: where a link leads is in our rows.
    const auto token = read_tracking_token(*ports_.keys(), kind, request.path().substr(open_path.size()));
    if (!token || !may_answer(*token, request.field("Host"))) {
        refused_.add();
        co_return not_here();
    }
    HttpResponse response{.status = 200, .content_type = "image/gif", .body = std::string(image)};
    std::string url;
    if (kind == TrackedKind::click) {
        auto found = co_await links_.find(ports_.committer, token->tenant, token->target);
        if (!found.has_value() && found.error().kind == ErrorKind::not_found) {
            refused_.add();
            co_return not_here();
        }
        if (!found.has_value())
            co_return with_privacy({.status = 503, .body = "This does not work just now. Please try again shortly.\n"});
        url = *std::move(found);
        response = {.status = 302, .content_type = "", .fields = {{"Location", url}}};
    }
    visits_.take({.kind = kind,
                  .token = *token,
                  .at = WallClock::now(),
                  .address = request.peer.address,
                  .agent = std::string(request.field("User-Agent").substr(0, VisitLog::kept_agent_octets)),
                  .url = std::move(url),
                  .is_head = is_head});
    co_return with_privacy(std::move(response));
}

Result<void> Tracker::keep_house(Transaction& transaction, WallClock::time_point now) const {
    return LinkBook::forget_before(transaction, day_of(now - options_.load()->keep_links));
}

}  // namespace relevo
