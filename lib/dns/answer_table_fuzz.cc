// Tables from files: never a crash, mistakes always name their line, and answers are as those of the DNS. Security row
// F14.
#include "lib/dns/answer_table.h"

#include "lib/dns/name.h"

#include <cstdlib>

namespace {

using namespace relevo::dns;

void require(bool holds) {
    if (!holds) std::abort();
}

constexpr RecordType types[] = {RecordType::a,     RecordType::aaaa, RecordType::mx,  RecordType::txt, RecordType::ptr,
                                RecordType::cname, RecordType::ns,   RecordType::soa, RecordType::tlsa};

void check(const AnswerTable& table, std::string_view name) {
    const auto canonical = canonical_name(name);
    for (const RecordType type : types) {
        const auto answer = table.find(name, type);
        if (!canonical) {
            require(!answer && answer.error().kind == relevo::ErrorKind::invalid);
            continue;
        }
        if (!answer) {
            require(!answer.error().detail.empty());
            require(answer.error().kind == relevo::ErrorKind::temporary ||
                    answer.error().kind == relevo::ErrorKind::timeout);
            continue;
        }
        const bool has_records =
            !answer->addresses.empty() || !answer->exchanges.empty() || !answer->texts.empty() || !answer->data.empty();
        require(answer->name_exists || !has_records);
        require(canonical_name(answer->canonical_name).value() == answer->canonical_name);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto table = AnswerTable::parse(input);
    if (!table) {
        require(table.error().kind == relevo::ErrorKind::invalid && table.error().detail.starts_with("line "));
        return 0;
    }
    // Every word of the file, and what lies below it, as a question.
    for (std::size_t at = 0, asked = 0; at < input.size() && asked < 20; ++asked) {
        const std::size_t end = std::min(input.find_first_of(" \t\n\"", at), input.size());
        check(*table, input.substr(at, end - at));
        if (end > at) check(*table, "x." + std::string(input.substr(at, end - at)));
        at = end + 1;
    }
    return 0;
}
