// A tracker over a whole spool, for tests.
#pragma once

#include "adapters/memory/telemetry.h"
#include "core/spool/spool_fixture.h"
#include "core/tracking/schema.h"
#include "core/tracking/tracker.h"

#include <gmock/gmock.h>

#include <array>
#include <vector>

namespace relevo::test {

inline std::shared_ptr<const TokenKeys> some_keys(std::uint8_t id = 7, unsigned char octet = 0x5A) {
    TokenKeys::Key key{.id = id};
    key.octets.fill(octet);
    return TokenKeys::of({key});
}

class TrackingTest : public testing::Test {
 protected:
    TrackingTest() {
        options.base_url = "https://links.example:8443";
        options.of_all = {.opens = true, .clicks = true};
        options.rules = std::make_shared<const tracking::MachineRules>(tracking::MachineRules::built_in());
        acme.id = TenantId{1};
        other.id = TenantId{2};
        domain.id = DomainId{1};
        domain.tenant = acme.id;
        domain.name = "acme.example";
        others.id = DomainId{2};
        others.tenant = other.id;
        others.name = "other.example";
        others.tracking_host = "t.other.example";
        tracker.set_options(options);
    }
    ~TrackingTest() override { store.committer->stop(); }

    // The prepared content of a message with two links that is in the spool and was delivered long ago.
    std::string send(const std::vector<std::string>& recipients = {"b@example.net"},
                     WallClock::time_point delivered_at = WallClock::now() - hours(1)) {
        Submission made =
            store.submission(envelope("a@acme.example", recipients), page, delivered_at - std::chrono::minutes(1));
        PreparedMessage prepared = tracker.prepare(page, {.tenant = acme.id,
                                                          .message = made.id,
                                                          .recipients = recipients.size(),
                                                          .tracked = options.of_all,
                                                          .base_url = options.base_url,
                                                          .signs_for = {}});
        const auto links = tracker.unwritten(acme.id, prepared.links, made.accepted_at);
        made.also = [&](Transaction& transaction) {
            return LinkBook::write(transaction, acme.id, links, day_of(made.accepted_at));
        };
        message = made.id;
        const auto accepted_at = made.accepted_at;
        store.accept(std::move(made));
        tracker.note_written(acme.id, links, accepted_at);
        const auto noted = store.run(store.spool->note({{.id = {},
                                                         .at = delivered_at,
                                                         .kind = EventKind::delivered,
                                                         .message = message,
                                                         .ordinal = 0,
                                                         .tenant = acme.id,
                                                         .detail = R"({"recipient":"b@example.net"})"}},
                                                       {}, {}));
        EXPECT_TRUE(noted.has_value());
        return prepared.content;
    }
    // The paths of the image and of the links.
    static std::vector<std::string> paths(const std::string& content) {
        std::vector<std::string> found;
        const std::string base = "https://links.example:8443";
        for (std::size_t at = content.find(base); at != std::string::npos; at = content.find(base, at + 1))
            found.push_back(content.substr(at + base.size(), content.find('"', at) - at - base.size()));
        return found;
    }
    HttpResponse ask(const std::string& path, const std::string& host = "links.example:8443",
                     const std::string& method = "GET") {
        HttpRequest request{.method = method, .target = path, .fields = {{"Host", host}, {"User-Agent", agent}}};
        request.peer.address = dns::IpAddress::parse("198.51.100.77").value();
        return store.run(tracker.answer(std::move(request)));
    }
    void finish() { store.run(finished()); }
    std::vector<Event> events(EventKind kind) {
        finish();
        std::vector<Event> found;
        for (Event& event : store.events(message))
            if (event.kind == kind) found.push_back(std::move(event));
        return found;
    }
    std::shared_ptr<const Directory> directory() { return Directory::of({acme, other}, {domain, others}, {}, {}); }

    std::string page =
        "Content-Type: text/html\r\n\r\n<body><a href=\"https://a.example/?x=1&amp;y=2\">A</a>\r\n"
        "<a href=\"https://b.example/\">B</a></body>\r\n";
    std::string agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    Tenant acme, other;
    Domain domain, others;
    TrackingOptions options;
    std::shared_ptr<const TokenKeys> keys = some_keys();
    SpoolStore store{CommitterThreads::none, tracking_migrations()};
    MemoryLog log;
    MemoryMetrics numbers;
    MessageId message;
    Tracker tracker{{.shard = store.shard,
                     .spool = *store.spool,
                     .committer = *store.committer,
                     .log = log,
                     .metrics = numbers,
                     .keys = [this] { return keys; },
                     .directory = [this] { return directory(); }},
                    {}};

 private:
    Task<bool> finished() {
        co_await tracker.finish();
        co_return true;
    }
};

}  // namespace relevo::test
