// The configuration for people: its reference, a file to begin with, the values in force, what a reload cannot change.
#pragma once

#include "app/configuration/configuration.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// All settings as a Markdown page: docs/configuration.md is this text (a test compares them).
[[nodiscard]] std::string configuration_reference(mail::Language language);

// The same for man(1): relevo.toml(5).
[[nodiscard]] std::string configuration_manual_page();

// What `relevo setup` writes: five ports in three listeners, few settings, each explained. Port 25 is for mail to us.
[[nodiscard]] Configuration sample_configuration();
// TOML of the settings that differ from their defaults, each with its meaning as a comment.
[[nodiscard]] std::string write_sample(const Configuration& configuration, mail::Language language);

// One setting in force. Secrets are masked.
struct SettingInForce {
    std::string path;    // "listener[0].address"
    std::string value;   // TOML
    std::string origin;  // "default", "relevo.toml:12", "environment RELEVO_…"
    bool needs_restart = false;
};
[[nodiscard]] std::vector<SettingInForce> settings_in_force(const Configuration& configuration);
// The same as TOML with origins as comments; parses again to equal values, secrets excepted.
[[nodiscard]] std::string write_configuration(const Configuration& configuration);

// Paths of settings whose new value a running server cannot take.
[[nodiscard]] std::vector<std::string> changes_that_need_restart(const Configuration& running,
                                                                 const Configuration& loaded);

}  // namespace relevo
