// Whether addresses will take mail: `relevo address check`.
#pragma once

#include "app/lookups/dns_source.h"
#include "app/lookups/report.h"
#include "lib/addresscheck/address_check.h"
#include "lib/addresscheck/address_lists.h"

#include <boost/json/object.hpp>

#include <string>

namespace relevo::lookups {

inline constexpr std::size_t address_list_limit = 10'000;                    // addresses of one command
inline constexpr std::size_t address_list_limit_octets = 4UL * 1024 * 1024;  // of the file with them

// options.addresses and the lines of options.file, each judged; has_problem if one is bad. Each domain is asked about
// once, several at a time. Errors: invalid – the lists file; detail names its line. limit – too many addresses. io.
[[nodiscard]] Result<Report> report_on_addresses(const cli::LookupOptions& options, DnsSource& source);

// {"given":…,"address":…,"verdict":…,"score":…,"findings":[…],"mail_hosts":[…],"suggestion":…}, texts in that language.
[[nodiscard]] boost::json::object json_of(const addresscheck::AddressReport& report, mail::Language language);

// The lists of that file, or the built-in ones for "". Errors: as AddressLists::parse(); detail names the file. io.
[[nodiscard]] Result<addresscheck::AddressLists> read_address_lists(const std::string& file);

}  // namespace relevo::lookups
