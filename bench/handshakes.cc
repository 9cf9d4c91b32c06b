// handshakes: full TLS 1.3 handshakes a second, server and client side both, in memory, on all processors at once:
// what the machine allows a relay whose clients run on it too. Prints one number.
//
//   handshakes CERTIFICATE KEY [SECONDS]
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    std::exit(1);
}

// Without the quiet shutdown OpenSSL takes the end for an error and forgets the session.
void end(SSL& connection) {
    SSL_set_quiet_shutdown(&connection, 1);
    SSL_shutdown(&connection);
}

void shake_hands(SSL_CTX& server_context, SSL_CTX& client_context) {
    Connection server(SSL_new(&server_context), SSL_free);
    Connection client(SSL_new(&client_context), SSL_free);
    BIO* left = nullptr;
    BIO* right = nullptr;
    BIO_new_bio_pair(&left, 65536, &right, 65536);
    SSL_set_bio(server.get(), left, left);
    SSL_set_bio(client.get(), right, right);
    SSL_set_accept_state(server.get());
    SSL_set_connect_state(client.get());
    for (int turn = 0; turn < 10; ++turn) {
        const int asked = SSL_do_handshake(client.get());
        const int answered = SSL_do_handshake(server.get());
        if (asked != 1 || answered != 1) continue;
        char tickets[1];
        SSL_read(client.get(), tickets, 1);
        end(*server);
        end(*client);
        return;
    }
    fail("the handshake did not end");
}

void run(const char* certificate, const char* key, Clock::time_point until, std::atomic<long>& count) {
    Context server(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    Context client(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_min_proto_version(server.get(), TLS1_3_VERSION);
    SSL_CTX_set_verify(client.get(), SSL_VERIFY_NONE, nullptr);
    if (SSL_CTX_use_certificate_chain_file(server.get(), certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(server.get(), key, SSL_FILETYPE_PEM) != 1) {
        fail("the certificate cannot be used");
    }
    while (Clock::now() < until) {
        shake_hands(*server, *client);
        ++count;
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) fail("usage: handshakes CERTIFICATE KEY [SECONDS]");
    const double seconds = count > 3 ? std::atof(arguments[3]) : 3;
    const auto begin = Clock::now();
    const auto until = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::atomic<long> done = 0;
    std::vector<std::jthread> threads;
    for (unsigned n = 0; n < std::thread::hardware_concurrency(); ++n) {
        threads.emplace_back([&] { run(arguments[1], arguments[2], until, done); });
    }
    threads.clear();
    std::printf("%.0f\n", static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - begin).count());
}
