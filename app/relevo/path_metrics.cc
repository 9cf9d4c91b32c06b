#include "app/relevo/path_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace relevo {
namespace {

struct SiteNumbers {
    std::string name;
    std::size_t ready = 0, waiting = 0, active = 0, connections = 0, hindered = 0;
    [[nodiscard]] std::size_t recipients() const { return ready + waiting + active; }
};
struct SourceNumbers {
    std::size_t ready = 0, connections = 0, hindered = 0, refusing = 0;
};

// Whether the destination refuses the source's address, or everything that comes.
bool refuses(const LaneStatus& lane) {
    using shaping::Hindrance;
    if (!lane.hindered) return false;
    const Hindrance hindrance = lane.hindered->permission.hindrance;
    return hindrance == Hindrance::block || hindrance == Hindrance::pause || hindrance == Hindrance::probe;
}

// Names of sites come from the DNS.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + "\"";
}

SiteNumbers numbers_of(const SiteStatus& site) {
    SiteNumbers numbers{.name = site.key, .ready = site.ready, .waiting = site.waiting, .active = site.active};
    for (const LaneStatus& lane : site.lanes) {
        numbers.connections += lane.connections;
        numbers.hindered += lane.hindered ? 1U : 0U;
    }
    return numbers;
}

void begin(std::string& page, std::string_view name, std::string_view help) {
    page += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
}

}  // namespace

std::string path_metrics(std::vector<SiteStatus> sites, const EgressTable& egress) {
    std::vector<SiteNumbers> all;
    std::map<std::string, SourceNumbers> sources;
    for (const auto& source : egress.sources()) sources[source->name];
    for (const SiteStatus& site : sites) {
        all.push_back(numbers_of(site));
        for (const LaneStatus& lane : site.lanes) {
            const auto known = sources.find(lane.source);
            if (known == sources.end()) continue;  // of a configuration that is no longer in force
            known->second.ready += lane.ready;
            known->second.connections += lane.connections;
            known->second.hindered += lane.hindered ? 1U : 0U;
            known->second.refusing += refuses(lane) ? 1U : 0U;
        }
    }
    std::ranges::sort(all, [](const SiteNumbers& a, const SiteNumbers& b) {
        return a.recipients() != b.recipients() ? a.recipients() > b.recipients() : a.name < b.name;
    });
    SiteNumbers other{.name = "other"};
    for (std::size_t place = sites_with_metrics; place < all.size(); ++place) {
        other.ready += all[place].ready;
        other.waiting += all[place].waiting;
        other.active += all[place].active;
        other.connections += all[place].connections;
        other.hindered += all[place].hindered;
    }
    if (all.size() > sites_with_metrics) all.resize(sites_with_metrics);
    all.push_back(std::move(other));

    std::string page;
    begin(page, "relevo_site_recipients", "Recipients in the queue by site and state; those of small sites are other");
    for (const SiteNumbers& site : all)
        for (const auto& [state, count] :
             {std::pair{"ready", site.ready}, {"waiting", site.waiting}, {"active", site.active}})
            page += fmt::format("relevo_site_recipients{{site={},state=\"{}\"}} {}\n", quoted(site.name), state, count);
    begin(page, "relevo_site_connections", "Connections by site");
    for (const SiteNumbers& site : all)
        page += fmt::format("relevo_site_connections{{site={}}} {}\n", quoted(site.name), site.connections);
    begin(page, "relevo_site_hindered", "Sources whose mail to the site waits for a limit");
    for (const SiteNumbers& site : all)
        page += fmt::format("relevo_site_hindered{{site={}}} {}\n", quoted(site.name), site.hindered);
    begin(page, "relevo_source_ready_recipients", "Recipients that wait for their turn, by source");
    for (const auto& [name, numbers] : sources)
        page += fmt::format("relevo_source_ready_recipients{{source={}}} {}\n", quoted(name), numbers.ready);
    begin(page, "relevo_source_connections", "Connections by source");
    for (const auto& [name, numbers] : sources)
        page += fmt::format("relevo_source_connections{{source={}}} {}\n", quoted(name), numbers.connections);
    begin(page, "relevo_source_hindered_sites", "Sites where mail of the source waits for a limit");
    for (const auto& [name, numbers] : sources)
        page += fmt::format("relevo_source_hindered_sites{{source={}}} {}\n", quoted(name), numbers.hindered);
    begin(page, "relevo_source_refused_sites",
          "Sites with mail of the source that refuse it, or everything that comes");
    for (const auto& [name, numbers] : sources)
        page += fmt::format("relevo_source_refused_sites{{source={}}} {}\n", quoted(name), numbers.refusing);
    begin(page, "relevo_source_drained", "1 while the source takes no new mail");
    for (const auto& source : egress.sources())
        page += fmt::format("relevo_source_drained{{source={}}} {}\n", quoted(source->name), source->drained ? 1 : 0);
    return page;
}

}  // namespace relevo
