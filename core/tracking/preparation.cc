#include "core/tracking/preparation.h"

#include "lib/base/json_writer.h"
#include "lib/tracking/rewrite.h"

#include <fmt/format.h>

namespace relevo {

Tracked tracked_of(const TrackingOptions& options, const Domain* author, mail::MessageStream stream,
                   std::optional<Tracked> asked) {
    if (options.base_url.empty()) return {};
    const std::optional<Tracked> of_domain = author != nullptr ? author->tracking : std::nullopt;
    if (asked) {
        const Tracked allowed = of_domain.value_or(Tracked{.opens = true, .clicks = true});
        return {.opens = asked->opens && allowed.opens, .clicks = asked->clicks && allowed.clicks};
    }
    const bool is_bulk = stream == mail::MessageStream::bulk;
    if (options.streams != TrackedStreams::all && is_bulk != (options.streams == TrackedStreams::bulk)) return {};
    return of_domain.value_or(options.of_all);
}

std::string tracking_base(const TrackingOptions& options, const Domain* author) {
    if (author == nullptr || author->tracking_host.empty()) return options.base_url;
    // Scheme and port are the service's.
    const std::size_t host = options.base_url.find("://") + 3;
    const std::size_t bracket = options.base_url.find(']', host);
    const std::size_t port = options.base_url.find(':', bracket == std::string::npos ? host : bracket);
    return options.base_url.substr(0, host) + author->tracking_host +
           (port == std::string::npos ? "" : options.base_url.substr(port));
}

PreparedMessage prepare_tracking(std::string_view content, const TokenKeys& keys, const PreparationRequest& request) {
    PreparedMessage prepared;
    TrackingToken token{.tenant = request.tenant,
                        .message = request.message,
                        .ordinal = request.recipients == 1 ? 0 : whole_message,
                        .target = {}};
    tracking::RewriteRequest rewriting{.link = {}, .image = {}, .signs_for = request.signs_for};
    if (request.tracked.opens && keys.newest() != nullptr)
        rewriting.image =
            fmt::format("{}{}{}", request.base_url, open_path, make_tracking_token(keys, TrackedKind::open, token));
    if (request.tracked.clicks && keys.newest() != nullptr)
        rewriting.link = [&](std::size_t number, const std::string& target) {
            token.link = static_cast<std::uint16_t>(number);
            token.target = LinkBook::id_of(request.tenant, target);
            prepared.links.push_back({token.target, target});
            return fmt::format("{}{}{}", request.base_url, click_path,
                               make_tracking_token(keys, TrackedKind::click, token));
        };
    tracking::Rewritten made = tracking::rewrite(content, rewriting);
    JsonWriter json;
    if (made.protection != tracking::Protection::none) {
        json.field("left_alone", name_of(made.protection)).optional("signed_by", made.signed_by);
        std::string why = fmt::format("left alone: {}", name_of(made.protection));
        if (!made.signed_by.empty()) why += fmt::format(" ({})", made.signed_by);
        json.field("summary", why);
    } else {
        json.field("images", made.images).field("links", made.links);
        json.field("summary", made.content.empty()
                                  ? std::string("nothing to track in it")
                                  : fmt::format("{} links{}", made.links, made.images > 0 ? ", opens" : ""));
    }
    prepared.summary = json.finish();
    prepared.content = std::move(made.content);
    return prepared;
}

}  // namespace relevo
