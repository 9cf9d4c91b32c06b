#include "adapters/net/harness_test.h"
#include "adapters/net/tls_context.h"
#include "adapters/net/tls_session.h"
#include "lib/base/text.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <fstream>
#include <malloc.h>
#include <optional>
#include <sys/stat.h>

namespace relevo::net {
namespace {

using ServerContext = std::shared_ptr<TlsServerContext>;
using ClientContext = std::shared_ptr<TlsClientContext>;

ServerContext must_make(TlsServerOptions options) {
    auto context = TlsServerContext::make(std::move(options));
    EXPECT_TRUE(context) << (context ? "" : context.error().detail);
    return context ? *context : nullptr;
}

ClientContext client_context(const std::string& trust_file = "") { return TlsClientContext::make(trust_file).value(); }

struct Handshake {
    Result<TlsInfo> server = failure(ErrorKind::internal, "not yet");
    Result<TlsInfo> client = failure(ErrorKind::internal, "not yet");
};

Task<> serve(SocketStream& stream, Result<TlsInfo>& info, bool& done) {
    info = co_await stream.start_tls_server(soon());
    if (!info) stream.close();
    done = true;
}

Task<> shake(World& world, StreamPair& pair, TlsClientOptions options, Handshake& handshake) {
    bool server_done = false;
    world.shard.spawn(serve(*pair.server, handshake.server, server_done));
    handshake.client = co_await pair.client->start_tls_client(std::move(options), soon());
    if (!handshake.client) pair.client->close();
    while (!server_done) co_await short_turn();
}

Handshake shake_hands(World& world, StreamPair& pair, TlsClientOptions options = {}) {
    Handshake handshake;
    world.run(shake(world, pair, std::move(options), handshake));
    return handshake;
}

Task<> write_then_close(SocketStream& stream, std::string text) {
    auto written = co_await stream.write(text, soon());
    EXPECT_TRUE(written) << written.error().detail;
    stream.close();
}

TEST(Tls, CarriesMegabytesBothContextsAgreeingOnTheirBindings) {  // RFC 9266 §2, RFC 5929 §4
    World world;
    const TemporaryFolder folder;
    StreamPair pair = make_pair(world, must_make({{folder.certificate("mx.example")}}), client_context());
    const Handshake handshake = shake_hands(world, pair, {.server_name = "mx.example"});
    ASSERT_TRUE(handshake.server) << handshake.server.error().detail;
    ASSERT_TRUE(handshake.client) << handshake.client.error().detail;
    EXPECT_EQ(handshake.server->protocol, "TLSv1.3");
    EXPECT_EQ(handshake.server->server_name, "mx.example");
    EXPECT_EQ(handshake.server->exporter_binding.size(), 32U);
    EXPECT_EQ(handshake.server->exporter_binding, handshake.client->exporter_binding);
    EXPECT_EQ(handshake.server->server_end_point_binding.size(), 32U);
    EXPECT_EQ(handshake.server->server_end_point_binding, handshake.client->server_end_point_binding);
    EXPECT_FALSE(handshake.client->verified);
    EXPECT_EQ(handshake.client->verify_error, "self-signed certificate");

    std::string sent(3 * mebibyte + 7, 'x');
    for (std::size_t index = 0; index < sent.size(); index += 997) sent[index] = static_cast<char>('a' + index % 26);
    std::string seen;
    Error end;
    world.shard.spawn(write_then_close(*pair.client, sent));
    world.run(collect(*pair.server, seen, end));
    EXPECT_TRUE(seen == sent);
    EXPECT_EQ(end.kind, ErrorKind::closed);
}

TEST(Tls, VerifiesChainAndNameWhenAsked) {
    World world;
    const TemporaryFolder folder;
    const CertificateFiles files = folder.certificate("mx.example");
    const ServerContext server = must_make({{files}});
    struct Case {
        ClientContext client;
        std::string name;
        bool good;
    };
    const Case cases[] = {{client_context(files.certificate), "mx.example", true},
                          {client_context(files.certificate), "other.example", false},
                          {client_context(), "mx.example", false}};
    for (const Case& example : cases) {
        StreamPair pair = make_pair(world, server, example.client);
        const Handshake handshake = shake_hands(world, pair, {.server_name = example.name, .verify = true});
        ASSERT_EQ(handshake.client.has_value(), example.good) << example.name;
        if (example.good)
            EXPECT_TRUE(handshake.client->verified);
        else
            EXPECT_EQ(handshake.client.error().kind, ErrorKind::refused) << handshake.client.error().detail;
    }
}

tlspolicy::TlsaRecord key_record(const CertificateFiles& files) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(files.certificate.c_str(), "r"), BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), X509_free);
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
    std::string digest(32, '\0');
    EXPECT_EQ(EVP_Digest(der, static_cast<std::size_t>(size), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                         EVP_sha256(), nullptr),
              1);
    OPENSSL_free(der);
    return {.usage = 3, .selector = 1, .matching = 1, .data = digest};
}

TEST(Tls, TakesTheCertificateThatTlsaRecordsName) {  // RFC 7672 §3.1.1; security row B4
    World world;
    const TemporaryFolder folder;
    const CertificateFiles files = folder.certificate("mx.example");
    const ServerContext server = must_make({{files}});
    const tlspolicy::TlsaRecord good = key_record(files);
    tlspolicy::TlsaRecord wrong = good;
    wrong.data[0] = static_cast<char>(~wrong.data[0]);
    const tlspolicy::TlsaRecord malformed{.usage = 3, .selector = 1, .matching = 1, .data = "short"};
    struct Case {
        std::vector<tlspolicy::TlsaRecord> records;
        std::string name;
        bool is_good;
    };
    const Case cases[] = {{{good}, "mx.example", true},        {{good}, "other.example", true},
                          {{wrong, good}, "mx.example", true}, {{malformed, good}, "mx.example", true},
                          {{wrong}, "mx.example", false},      {{malformed}, "mx.example", false}};
    for (const Case& example : cases) {
        StreamPair pair = make_pair(world, server, client_context());
        const Handshake handshake = shake_hands(world, pair, {.server_name = example.name, .tlsa = example.records});
        ASSERT_EQ(handshake.client.has_value(), example.is_good)
            << (handshake.client ? "" : handshake.client.error().detail);
        if (example.is_good) {
            EXPECT_TRUE(handshake.client->verified);
            EXPECT_EQ(handshake.client->verified_by, "TLSA record 3 1 1");
        } else {
            EXPECT_EQ(handshake.client.error().kind, ErrorKind::refused) << handshake.client.error().detail;
        }
    }
}

// The binding names the certificate that was served.
std::string served_to(World& world, const ServerContext& server, const ClientContext& client, const std::string& name) {
    StreamPair pair = make_pair(world, server, client);
    const Handshake handshake = shake_hands(world, pair, {.server_name = name});
    return handshake.client ? handshake.client->server_end_point_binding : handshake.client.error().detail;
}

TEST(Tls, ChoosesTheCertificateByName) {  // RFC 6066 §3
    World world;
    const TemporaryFolder folder;
    const CertificateFiles first = folder.certificate("a.example");
    const CertificateFiles second = folder.certificate("b.example");
    const ServerContext server = must_make({{first, second}});
    const ClientContext client = client_context();
    const std::string a = served_to(world, must_make({{first}}), client, "");
    const std::string b = served_to(world, must_make({{second}}), client, "");
    ASSERT_NE(a, b);
    EXPECT_EQ(served_to(world, server, client, "a.example"), a);
    EXPECT_EQ(served_to(world, server, client, "B.example"), b);
    EXPECT_EQ(served_to(world, server, client, ""), a);
    EXPECT_EQ(served_to(world, server, client, "b.example\\"), a);  // CVE-2019-15846
    EXPECT_EQ(served_to(world, server, client, std::string(255, 'x')), a);
}

TEST(Tls, CoversNamesAsCertificatesDo) {  // RFC 6125 §6.4.3
    EXPECT_TRUE(covers("mx.example", "mx.example"));
    EXPECT_TRUE(covers("*.example", "mx.example"));
    EXPECT_FALSE(covers("*.example", "a.mx.example"));
    EXPECT_FALSE(covers("*.example", "example"));
    EXPECT_FALSE(covers("*.example", ".example"));
    EXPECT_FALSE(covers("m*.example", "mx.example"));
}

TEST(Tls, ReloadServesTheNewCertificateAndKeepsConnections) {
    World world;
    const TemporaryFolder folder;
    const CertificateFiles files = folder.certificate("mx.example");
    const ServerContext server = must_make({{files}});
    const ClientContext client = client_context();
    StreamPair old = make_pair(world, server, client);
    ASSERT_TRUE(shake_hands(world, old).client);
    const std::string before = served_to(world, server, client, "");
    ASSERT_TRUE(make_self_signed("mx.example", files));
    ASSERT_TRUE(server->reload());
    EXPECT_NE(served_to(world, server, client, ""), before);
    std::string seen;
    Error end;
    world.shard.spawn(write_then_close(*old.client, "still here"));
    world.run(collect(*old.server, seen, end));
    EXPECT_EQ(seen, "still here");
}

std::string reload_error(TlsServerContext& server, CertificateFiles files) {
    const auto reloaded = server.reload({{std::move(files)}});
    return reloaded ? "" : reloaded.error().detail;
}

void write_file(const std::string& file, std::string_view text) { std::ofstream(file) << text; }

TEST(Tls, KeepsTheOldCertificateAndSaysWhatIsWrongWithTheNewOne) {
    World world;
    const TemporaryFolder folder;
    const CertificateFiles good = folder.certificate("mx.example");
    const CertificateFiles other = folder.certificate("other.example");
    const ServerContext server = must_make({{good}});
    const ClientContext client = client_context();
    const std::string before = served_to(world, server, client, "");
    write_file(folder.file("empty.pem"), "");
    write_file(folder.file("noise.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");

    EXPECT_NE(reload_error(*server, {folder.file("none.pem"), good.key}).find("none.pem: No such file"),
              std::string::npos);
    EXPECT_NE(reload_error(*server, {folder.file("empty.pem"), good.key}).find("empty.pem: no usable certificate"),
              std::string::npos);
    EXPECT_NE(reload_error(*server, {good.certificate, other.key}).find("does not belong to the certificate in"),
              std::string::npos);
    EXPECT_NE(reload_error(*server, {good.certificate, folder.file("noise.key")}).find("no usable private key"),
              std::string::npos);
    EXPECT_FALSE(server->reload({}));
    EXPECT_EQ(served_to(world, server, client, ""), before);
    EXPECT_EQ(server->certificates().at(0).names, std::vector<std::string>{"mx.example"});
}

// Rewrites the certificate with other dates; its own key signs it again.
void set_dates(const CertificateFiles& files, long from, long until) {
    std::FILE* file = std::fopen(files.certificate.c_str(), "r");
    X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    file = std::fopen(files.key.c_str(), "r");
    EVP_PKEY* key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until);
    X509_sign(certificate, key, EVP_sha256());
    file = std::fopen(files.certificate.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

TEST(Tls, RefusesToLoadCertificatesOutsideTheirDates) {
    const TemporaryFolder folder;
    const CertificateFiles files = folder.certificate("mx.example");
    set_dates(files, -2000, -1000);
    auto expired = TlsServerContext::make({{files}});
    ASSERT_FALSE(expired);
    EXPECT_NE(expired.error().detail.find("the certificate expired on 20"), std::string::npos);
    set_dates(files, 90000, 180000);
    auto early = TlsServerContext::make({{files}});
    ASSERT_FALSE(early);
    EXPECT_NE(early.error().detail.find("is not valid before 20"), std::string::npos);
}

TEST(Tls, WritesKeysThatOnlyTheOwnerReads) {  // security E12
    const TemporaryFolder folder;
    const CertificateFiles files = folder.certificate("mx.example");
    for (const std::string& file : {files.key, files.certificate}) {
        struct stat status{};
        ASSERT_EQ(::stat(file.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600U);
    }
    EXPECT_FALSE(make_self_signed("a.example,DNS:evil.example", files));
}

// A client of OpenSSL itself, for what our own never sends.
struct RawClient {
    explicit RawClient(int descriptor) : context(SSL_CTX_new(TLS_client_method())), ssl(SSL_new(context.get())) {
        SSL_set_fd(ssl.get(), descriptor);
        SSL_set_connect_state(ssl.get());
    }
    SslContextPointer context;
    SslPointer ssl;
};

Task<> shake_raw(World& world, SocketStream& server, RawClient& client, Handshake& handshake, std::string& reason) {
    bool server_done = false;
    world.shard.spawn(serve(server, handshake.server, server_done));
    Transfer step{Transfer::State::want_read};
    const Deadline deadline = soon();
    while (Clock::now() < deadline) {
        step = tls_handshake(*client.ssl);
        if (server_done && step.state != Transfer::State::want_read) break;
        co_await short_turn();
    }
    reason = step.detail;
}

struct RawPair {
    std::unique_ptr<SocketStream> server;
    FileDescriptor client;
};

RawPair make_raw_pair(World& world, const ServerContext& tls) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    SocketStreamOptions options;
    options.tls_server = tls;
    return {std::make_unique<SocketStream>(world.sockets, FileDescriptor(ends[0]), std::move(options)),
            FileDescriptor(ends[1])};
}

TEST(Tls, RefusesAClientThatOffersOnlyOtherProtocols) {  // RFC 7301 §3.2, ALPACA
    struct Case {
        std::string offered;
        bool good;
    };
    using namespace std::string_literals;
    const Case cases[] = {{"\x02h2\x08http/1.1"s, false}, {"\x04imap"s, false}, {"\x02h2\x04smtp"s, true}};
    const TemporaryFolder folder;
    const ServerContext server = must_make({{folder.certificate("mx.example")}});
    for (const Case& example : cases) {
        World world;
        RawPair pair = make_raw_pair(world, server);
        RawClient client(pair.client.get());
        SSL_set_alpn_protos(client.ssl.get(), reinterpret_cast<const unsigned char*>(example.offered.data()),
                            static_cast<unsigned>(example.offered.size()));
        Handshake handshake;
        std::string reason;
        world.run(shake_raw(world, *pair.server, client, handshake, reason));
        EXPECT_EQ(handshake.server.has_value(), example.good) << example.offered;
        if (!example.good) EXPECT_NE(reason.find("no application protocol"), std::string::npos) << reason;
    }
}

TEST(Tls, OffersNothingOlderThanTls12) {  // RFC 8996
    const TemporaryFolder folder;
    const ServerContext server = must_make({{folder.certificate("mx.example")}});
    for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION}) {
        World world;
        RawPair pair = make_raw_pair(world, server);
        RawClient client(pair.client.get());
        SSL_set_min_proto_version(client.ssl.get(), TLS1_VERSION);
        SSL_set_max_proto_version(client.ssl.get(), version);
        SSL_set_security_level(client.ssl.get(), 0);
        Handshake handshake;
        std::string reason;
        world.run(shake_raw(world, *pair.server, client, handshake, reason));
        EXPECT_EQ(handshake.server.has_value(), version == TLS1_2_VERSION);
        EXPECT_EQ(pair.server->tls_fault(), version == TLS1_2_VERSION ? TlsFault::none : TlsFault::version_too_old);
        if (handshake.server) {
            EXPECT_EQ(handshake.server->protocol, "TLSv1.2");
            EXPECT_EQ(handshake.server->exporter_binding.size(), 32U);  // it has the extended master secret
        }
    }
}

TEST(Tls, ResumesASessionFromItsTicketAlsoAfterAReload) {  // RFC 8446 §2.2
    const TemporaryFolder folder;
    const ServerContext server = must_make({{folder.certificate("mx.example")}});
    SSL_SESSION* session = nullptr;
    for (const bool resumed : {false, true}) {
        World world;
        RawPair pair = make_raw_pair(world, server);
        RawClient client(pair.client.get());
        if (session != nullptr) SSL_set_session(client.ssl.get(), session);
        Handshake handshake;
        std::string reason;
        world.run(shake_raw(world, *pair.server, client, handshake, reason));
        ASSERT_TRUE(handshake.server);
        EXPECT_EQ(SSL_session_reused(client.ssl.get()), resumed ? 1 : 0);
        std::array<std::byte, 16> nothing{};
        (void)tls_read(*client.ssl, nothing);  // takes the ticket
        SSL_SESSION_free(session);
        session = SSL_get1_session(client.ssl.get());
        tls_shutdown(*client.ssl);  // else OpenSSL marks the session as not to be resumed
        ASSERT_TRUE(server->reload());
    }
    SSL_SESSION_free(session);
}

Task<> accept_tls(SocketStream& stream, Result<TlsInfo>& info) { info = co_await stream.start_tls_server(soon()); }
Task<> connect_tls(SocketStream& stream, Result<TlsInfo>& info) {
    info = co_await stream.start_tls_client({}, Clock::now() + std::chrono::milliseconds(50));
}

TEST(Tls, SaysSoWhenThePeerSpeaksPlainText) {
    const TemporaryFolder folder;
    const ServerContext server = must_make({{folder.certificate("mx.example")}});
    for (const std::string_view text : {"EHLO client.example\r\n", "GET / HTTP/1.1\r\n\r\n"}) {
        World world;
        RawPair pair = make_raw_pair(world, server);
        ASSERT_GT(::write(pair.client.get(), text.data(), text.size()), 0);
        Result<TlsInfo> info = failure(ErrorKind::internal, "");
        world.run(accept_tls(*pair.server, info));
        ASSERT_FALSE(info);
        EXPECT_EQ(info.error().kind, ErrorKind::invalid);
        EXPECT_EQ(info.error().detail,
                  fmt::format("the peer spoke plain text where TLS was due: \"{}\"", trimmed(text)));
    }
}

// A client's second flight may be what the first look finds: the first was taken between looking and reading.
TEST(Tls, TakesNoRecordOfTlsForPlainText) {  // RFC 8446 §5.1, Appendix D.4
    const TemporaryFolder folder;
    const ServerContext server = must_make({{folder.certificate("mx.example")}});
    for (const std::string_view record : {"\x14\x03\x03\x01\x01\x01", "\x15\x03\x03\x01\x01\x01",
                                          "\x16\x03\x03\x01\x01\x01", "\x17\x03\x03\x01\x01\x01"}) {
        World world;
        RawPair pair = make_raw_pair(world, server);
        ASSERT_GT(::write(pair.client.get(), record.data(), record.size()), 0);
        ASSERT_EQ(::shutdown(pair.client.get(), SHUT_WR), 0);
        Result<TlsInfo> info = failure(ErrorKind::internal, "");
        world.run(accept_tls(*pair.server, info));
        ASSERT_FALSE(info);
        EXPECT_EQ(info.error().detail.find("plain text"), std::string::npos) << info.error().detail;
    }
}

// The greeting may come between our look at the socket and OpenSSL's reading from it.
TEST(Tls, KnowsPlainTextThatOpensslHasTaken) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    const FileDescriptor ours(ends[0]), theirs(ends[1]);
    constexpr std::string_view greeting = "220 mx.example ESMTP\r\n";
    ASSERT_GT(::write(theirs.get(), greeting.data(), greeting.size()), 0);
    const auto context = client_context();
    const auto ssl = context->begin(ours.get(), {});
    ASSERT_TRUE(ssl) << ssl.error().detail;
    const Transfer step = tls_handshake(**ssl);
    EXPECT_EQ(step.state, Transfer::State::failed);
    EXPECT_TRUE(step.was_plain_text) << step.detail;
}

TEST(Tls, SaysSoWhenAServerGreetsInPlainText) {
    World world;
    StreamPair pair = make_pair(world, nullptr, client_context());
    world.shard.spawn(write_then_close(*pair.server, "220 mx.example ESMTP\r\n"));
    Result<TlsInfo> info = failure(ErrorKind::internal, "");
    world.run(connect_tls(*pair.client, info));
    ASSERT_FALSE(info);
    EXPECT_NE(info.error().detail.find("\"220 mx.example ESMTP\""), std::string::npos) << info.error().detail;
}

TEST(Tls, EndsAHandshakeThatStalls) {  // security A16
    World world;
    StreamPair pair = make_pair(world, nullptr, client_context());
    Result<TlsInfo> info = failure(ErrorKind::internal, "");
    world.run(connect_tls(*pair.client, info));
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().kind, ErrorKind::timeout);
}

Task<> wait_forever(SocketStream& stream) { (void)co_await stream.read(no_deadline); }

TEST(Tls, HoldsLessThanFortyKibibytesPerIdleConnection) {  // performance P7
    World world;
    const TemporaryFolder folder;
    const ServerContext server = must_make({{folder.certificate("mx.example")}});
    const ClientContext client = client_context();
    constexpr std::size_t pairs = 100;
    {
        StreamPair warm_up = make_pair(world, server, client);
        (void)shake_hands(world, warm_up);
    }
    const std::size_t before = mallinfo2().uordblks;
    std::vector<StreamPair> idle;
    for (std::size_t index = 0; index < pairs; ++index) {
        idle.push_back(make_pair(world, server, client));
        ASSERT_TRUE(shake_hands(world, idle.back()).server);
        world.shard.spawn(wait_forever(*idle.back().client));
        world.shard.spawn(wait_forever(*idle.back().server));
    }
    const std::size_t each = (mallinfo2().uordblks - before) / (2 * pairs);
    RecordProperty("octets_per_idle_tls_stream", static_cast<int>(each));
    EXPECT_LT(each, 40U * kibibyte);
}

}  // namespace
}  // namespace relevo::net
