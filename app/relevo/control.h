// Performs the requests of docs/control-protocol.md: on the running server, or on the store alone when none runs.
#pragma once

#include "app/configuration/configuration.h"
#include "app/relevo/feedback.h"
#include "app/relevo/inspection.h"
#include "app/relevo/store.h"
#include "core/accounts/account_book.h"
#include "core/accounts/account_mailer.h"
#include "core/certificates/keeper.h"
#include "core/delivery/drained_sources.h"
#include "core/delivery/engine.h"
#include "core/events/event_list.h"
#include "core/lan/lan_book.h"
#include "core/reporting/reporting.h"
#include "core/routing/egress.h"
#include "core/signing/key_keeper.h"
#include "core/statistics/recipient_log.h"
#include "core/statistics/statistics.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/failed_logins.h"
#include "core/tenancy/password_checker.h"
#include "core/webhooks/webhooks.h"
#include "lib/bounces/pattern_table.h"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace relevo {

// What requests about keys and ownership need.
struct ControlSigning {
    std::function<Result<KeyVault*>()> vault;
    KeyMaker* maker = nullptr;
    KeyKeeper* keeper = nullptr;  // nullptr: no server runs
    std::function<RotationOptions()> rotation;
    std::string service_domain;  // A-labels; empty: none
};

// What offices must know of this server.
struct LanFace {
    std::string host;
    std::uint16_t port = 587;  // of the first submission listener with STARTTLS; 0: there is none
    std::string key_sha256;    // of the first certificate's public key; empty: it cannot be read yet
};
[[nodiscard]] LanFace lan_face(const Configuration& configuration);

// What control needs of its surroundings.
struct ControlContext {
    Store& store;
    Feedback& feedback;
    mail::Language default_language = mail::Language::english;
    // The directory in force; loaded again after a change.
    std::function<std::shared_ptr<const Directory>()> directory;
    std::function<Task<Result<void>>()> refresh_directory;
    std::function<std::shared_ptr<const RouteTable>()> routes;
    std::function<std::shared_ptr<const EgressTable>()> egress;
    std::function<std::shared_ptr<const shaping::ShapingTable>()> shaping;
    std::function<std::shared_ptr<const bounces::PatternTable>()> bounce_patterns{};  // with a server
    // Drained sources have changed in the store; with a server.
    std::function<Task<Result<void>>()> refresh_drains;
    Log* log = nullptr;                         // with a server
    Dispatcher* dispatcher = nullptr;           // nullptr: no server runs
    PasswordChecker* passwords = nullptr;       // makes new secrets; nullptr: made where the request runs
    Reporting* reporting = nullptr;             // with a server
    LanBook* lan = nullptr;                     // never null
    FailedLogins* failed_logins = nullptr;      // with a server
    AccountBook* accounts = nullptr;            // never null
    AccountMailer* account_mailer = nullptr;    // with a server
    Webhooks* webhooks = nullptr;               // with a server
    CertificateKeeper* certificates = nullptr;  // with a server
    Statistics* statistics = nullptr;           // with a server
    std::function<WebhookOptions()> webhook_options;
    std::function<LanFace()> lan_face{};         // as the configuration in force says
    std::function<std::string()> console_url{};  // public_face.h
    std::function<boost::json::object()> submission{};
    std::function<bool()> is_stopping;                            // with a server
    std::function<boost::json::object()> status;                  // with a server
    std::function<std::vector<std::string>()> recent_problems{};  // with a server: lines of its log
    std::function<boost::json::object()> totals;                  // with a server: what was counted since it started
    std::function<Result<std::vector<std::string>>()> reload;
    ControlSigning signing;
    Inspection* inspection = nullptr;                            // nullptr: requests that look into the DNS are refused
    DomainWatch* domain_watch = nullptr;                         // hears of looks that people ask for; with a server
    std::function<std::vector<setup::OwnListener>()> listeners;  // with a server
    std::function<std::shared_ptr<const addresscheck::AddressLists>()> address_lists{};  // with a server
};

// Threads: one shard's.
class Control {
 public:
    explicit Control(ControlContext context) : context_(std::move(context)) {}
    // One line of JSON in, one out, both without the newline. Changes are written down as `principal`'s; what it may do
    // is for the caller to judge.
    Task<std::string> perform(std::string request, Principal principal = control_principal());
    Task<boost::json::object> perform(boost::json::object request, Principal principal = control_principal());

 private:
    using Answer = Result<boost::json::object>;
    using Arguments = boost::json::object;
    Task<Answer> dispatch(std::string command, Arguments arguments, Principal principal);
    Task<Answer> describe_server();

    // control_tenancy.cc
    Task<Answer> change_tenancy(std::string command, Arguments arguments);
    Task<Answer> read_tenancy(std::string command, Arguments arguments);
    [[nodiscard]] boost::json::object json_of_conduct(std::string_view tenant_id) const;
    Task<Answer> show_tenant(Arguments arguments);
    Task<Answer> list_all_tenants(Arguments arguments);
    Task<Answer> release_tenant(Arguments arguments);
    Task<Answer> change_rows(std::function<Result<boost::json::object>(Transaction&)> work);
    Task<Answer> read_rows(std::function<Result<boost::json::object>(Reader&)> work);
    Task<Answer> add_credential(Arguments arguments);
    Task<Answer> rotate_credential(Arguments arguments);
    struct FreshSecret {
        std::string password;
        StoredSecret stored;
    };
    Task<Result<FreshSecret>> fresh_secret(const Arguments& arguments);

    // control_web.cc
    Task<Answer> make_setup_link(Arguments arguments, Principal principal);
    Task<Answer> describe_submission(Arguments arguments);
    // control_links.cc
    Task<Answer> invite_user(Arguments arguments, Principal principal);
    Task<Answer> send_user_link(Arguments arguments, Principal principal);
    Task<Answer> send_forgotten_password(Arguments arguments);
    struct UserLink;
    Task<Result<boost::json::object>> hand_out(UserLink link, bool is_shown);
    // control_login_failures.cc
    Task<Answer> list_login_failures(Arguments arguments);
    // control_accounts.cc
    Task<Answer> perform_accounts(std::string command, Arguments arguments, Principal principal);
    // Nothing if the command changes nothing.
    static std::optional<AuditEntry> audit_of(std::string_view command, const Arguments& arguments,
                                              const Principal& principal);
    Task<> write_down(AuditEntry entry, const Answer& answer);

    // control_signing.cc
    Task<Answer> add_domain(Arguments arguments);
    Task<Answer> verify_domain(Arguments arguments);
    Task<Answer> list_signing_keys(Arguments arguments);
    Task<Answer> show_signing_keys(Arguments arguments);
    Task<Answer> rotate_signing_keys(Arguments arguments);
    Task<Answer> import_signing_key(Arguments arguments);
    Task<Answer> forget_signing_keys(Arguments arguments);
    Task<Result<std::pair<DomainId, std::string>>> signing_domain(std::string text);

    // control_setup.cc
    Task<Result<setup::DomainFacts>> facts_of(std::string name);
    Task<Answer> describe_dns(Arguments arguments);
    Task<Answer> check_domain(Arguments arguments);
    Task<Answer> check_server(Arguments arguments);
    [[nodiscard]] setup::CheckItem check_store() const;
    Task<Answer> check_connections(Arguments arguments);
    // control_addresses.cc
    Task<Answer> perform_addresses(std::string command, Arguments arguments);
    Task<Answer> tell_history(Arguments arguments);
    Task<Answer> check_addresses(Arguments arguments);
    Task<Result<std::map<std::string, addresscheck::History>>> histories_of(TenantId tenant,
                                                                            std::vector<std::string> addresses);
    // control_sources.cc
    Task<Answer> list_sources(Arguments arguments);
    Task<Answer> drain_source(Arguments arguments, bool drained);
    Task<Answer> show_warm_up(Arguments arguments);
    // control_lan.cc
    Task<Answer> perform_lan(std::string command, Arguments arguments);
    Task<Answer> create_lan_token(Arguments arguments);
    Task<Answer> add_lan_device(Arguments arguments);
    Task<Answer> report_on_devices(Arguments arguments);
    // control_quotas.cc
    Task<Answer> perform_quotas(std::string command, boost::json::object arguments);
    // control_plans.cc
    Task<Answer> perform_plans(std::string command, Arguments arguments);
    Task<Answer> show_plan_use(Arguments arguments);
    // control_reports.cc
    Task<Answer> perform_reports(std::string command, Arguments arguments);
    Task<Answer> send_reports(Arguments arguments);

    // control_persons.cc
    Task<Answer> erase_person(Arguments arguments, Principal principal);
    Task<Answer> tell_erasure(Arguments arguments);
    // control_webhooks.cc
    Task<Answer> hold_store(std::string command, Arguments arguments);
    Task<Answer> perform_webhooks(std::string command, Arguments arguments);

    // control_events.cc
    Task<Answer> list_events(Arguments arguments);
    [[nodiscard]] boost::json::object event_entry(const Event& event) const;

    // control_certificates.cc
    Task<Answer> perform_certificates(std::string command, Arguments arguments);

    // control_suppression.cc
    Task<Answer> check_suppressions(boost::json::object arguments);
    Task<Answer> perform_suppression(std::string command, Arguments arguments);
    static Task<Answer> refuse(std::string reason);
    Task<Answer> list_suppressions(Arguments arguments);
    Task<Answer> show_suppression(Arguments arguments);
    Task<Answer> add_suppression(Arguments arguments);
    Task<Answer> remove_suppression(Arguments arguments);
    Task<Answer> import_suppressions(Arguments arguments);
    [[nodiscard]] boost::json::object suppression_entry(const Suppression& suppression) const;

    // control_statistics.cc
    Task<Answer> perform_statistics(std::string command, Arguments arguments);
    Task<Answer> list_messages(Arguments arguments);

    // control_schedule.cc
    Task<Answer> cancel_message(Arguments arguments, Principal principal);

    // control_queue.cc
    Task<Answer> list_queue(Arguments arguments);
    Task<Answer> change_queue(Spool::Change change, Arguments arguments);
    Task<Answer> suspend_destination(Arguments arguments, bool suspended);
    Task<Answer> show_message(Arguments arguments);
    Task<Result<void>> refuse_account_mail(MessageId id);
    Task<Answer> message_content(Arguments arguments);
    Task<Answer> message_preview(Arguments arguments);
    Task<Result<std::vector<DeliveryRow>>> select(const Arguments& arguments, std::int64_t after, std::size_t limit);
    void tell_engines(const std::vector<DeliveryRow>& rows, Spool::Change change);
    // What the engines know at this moment of some rows.
    struct Live {
        std::set<DeliveryId> active;               // being delivered
        std::map<std::string, std::string> sites;  // by destination
    };
    Task<Live> live_facts_of(const std::vector<DeliveryRow>& rows);
    [[nodiscard]] mail::TlsWish wish_of(const DeliveryRow& row) const;
    boost::json::object entry_of(const DeliveryRow& row, const Live& live) const;
    Task<Result<std::set<std::string>>> destinations_at(std::string site);

    // control_overview.cc
    Task<Answer> perform_overview(std::string command, Arguments arguments);
    Task<Answer> summarise_queue(Arguments arguments);
    Task<Answer> show_queue_of_sites(Arguments arguments);
    Task<Answer> show_queue_of_tenants(Arguments arguments);
    Task<Answer> show_queue_top(Arguments arguments);
    Task<Answer> take_pulse(Arguments arguments);
    Task<std::vector<DestinationStatus>> all_destinations();
    Task<std::vector<SiteStatus>> all_sites();
    Task<QueueTally> whole_tally(std::set<std::string> destinations);
    // control_why.cc
    Task<Answer> explain_queue(Arguments arguments);
    // control_sites.cc
    Task<Answer> perform_sites(std::string command, Arguments arguments);
    Task<Answer> list_sites(Arguments arguments);
    Task<Answer> show_site(Arguments arguments);
    Task<Answer> suspend_site(Arguments arguments, bool suspended);
    Task<Answer> forget_site(Arguments arguments);
    Task<Answer> explain_site(Arguments arguments);
    Task<Result<std::vector<SiteStatus>>> sites_named(std::string name);
    [[nodiscard]] std::string tenant_name(TenantId id) const;

    ControlContext context_;
    RecipientSearch recipients_;  // the reader's thread
    EventList events_;            // likewise
};

// Runs `work` on the shard and returns when it is done. Threads: any other than the shard's.
template <class T>
Task<T> on_shard(Shard& shard, std::function<T()> work) {
    co_return co_await completion_of<T>(
        [&](Completer<T> done) { shard.post([work, done = std::move(done)]() mutable { done(work()); }); });
}

}  // namespace relevo
