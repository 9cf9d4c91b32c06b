#include "lib/mailauth/public_suffix.h"

#include "lib/base/octets.h"

#include <cstdio>
#include <libpsl.h>

namespace relevo::mailauth {
namespace {

constexpr std::size_t list_limit_octets = 16 * mebibyte;
constexpr std::size_t domain_limit_octets = 1'024;  // of UTF-8; 255 in the DNS

struct CloseFile {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

bool is_domain(std::string_view domain) {
    return !domain.empty() && domain.size() <= domain_limit_octets && domain.find('\0') == std::string_view::npos &&
           domain.front() != '.' && domain.back() != '.' && domain.find("..") == std::string_view::npos;
}

}  // namespace

PublicSuffixList PublicSuffixList::builtin() {
    return PublicSuffixList({psl_builtin(), [](const psl_ctx_st*) {}});  // libpsl owns it, for ever
}

Result<PublicSuffixList> PublicSuffixList::parse(std::string_view list) {
    if (list.size() > list_limit_octets) return failure(ErrorKind::limit, "public suffix list over 16 MiB");
    if (list.empty()) return failure(ErrorKind::invalid, "the public suffix list is empty");
    // libpsl reads files only; this one lies in memory and is not written to in mode "r".
    std::string copy(list);
    const std::unique_ptr<std::FILE, CloseFile> file(fmemopen(copy.data(), copy.size(), "r"));
    if (!file) return failure(ErrorKind::invalid, "the public suffix list cannot be read");
    psl_ctx_st* loaded = psl_load_fp(file.get());
    if (loaded == nullptr) return failure(ErrorKind::invalid, "the public suffix list cannot be read");
    PublicSuffixList parsed(std::shared_ptr<const psl_ctx_st>(
        loaded, [](const psl_ctx_st* one) { psl_free(const_cast<psl_ctx_st*>(one)); }));
    if (psl_suffix_count(loaded) <= 0) return failure(ErrorKind::invalid, "no rules in the public suffix list");
    return parsed;
}

bool PublicSuffixList::is_public_suffix(std::string_view domain) const {
    return is_domain(domain) && psl_is_public_suffix(list_.get(), std::string(domain).c_str()) != 0;
}

std::string PublicSuffixList::organizational_domain(std::string_view domain) const {
    if (!is_domain(domain)) return {};
    const std::string name(domain);
    const char* found = psl_registrable_domain(list_.get(), name.c_str());
    return found != nullptr ? std::string(found) : std::string();
}

}  // namespace relevo::mailauth
