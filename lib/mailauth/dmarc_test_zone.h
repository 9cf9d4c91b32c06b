// A small DNS for tests of DMARC: what it does not hold does not exist.
#pragma once

#include "lib/dns/inquiry.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace relevo::mailauth {

struct TestZone {
    std::map<std::string, std::vector<std::string>> texts = {};  // name → TXT records
    std::set<std::string> names = {};                            // that exist without texts
    std::set<std::string> faulty = {};                           // names for which the DNS fails
    std::set<std::string> bogus = {};                            // whose signatures do not verify
    std::vector<std::string> asked = {};

    Result<dns::Answer> operator()(const dns::Question& question) {
        asked.push_back(question.name);
        if (faulty.contains(question.name)) return failure(ErrorKind::timeout, "no name server answered");
        dns::Answer answer;
        answer.name_exists = names.contains(question.name) || texts.contains(question.name);
        if (bogus.contains(question.name)) answer.security = dns::Security::bogus;
        if (const auto found = texts.find(question.name); found != texts.end() && question.type == dns::RecordType::txt)
            answer.texts = found->second;
        return answer;
    }

    template <class T>
    T run(dns::Inquiry<T> inquiry) {
        return dns::run(std::move(inquiry), [this](const dns::Question& question) { return (*this)(question); });
    }
};

}  // namespace relevo::mailauth
