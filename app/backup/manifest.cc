#include "app/backup/manifest.h"

#include "lib/base/json_writer.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

namespace relevo::backup {
namespace {

namespace json = boost::json;

constexpr std::string_view format_name = "relevo-backup";
constexpr std::int64_t format_version = 1;
constexpr std::string_view checksum_word = "blake2b ";
constexpr Octets limit_octets = 1024 * mebibyte;
constexpr std::size_t name_limit_octets = 4096;
constexpr std::int64_t size_limit = std::int64_t{1} << 50;

std::string hex_of(const BlockHash& hash) {
    std::string text(hash.size() * 2 + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
    text.pop_back();
    return text;
}

std::unexpected<Error> damaged(std::string_view what) {
    return failure(ErrorKind::invalid, fmt::format("the list of its files is damaged: {}", what));
}

Result<BlockHash> parse_hash(std::string_view text) {
    BlockHash hash{};
    std::size_t length = 0;
    if (text.size() != hash.size() * 2 ||
        sodium_hex2bin(hash.data(), hash.size(), text.data(), text.size(), nullptr, &length, nullptr) != 0)
        return damaged("a checksum is not one");
    return hash;
}

Result<std::int64_t> integer_in(const json::value* value, std::int64_t least, std::int64_t most) {
    if (value == nullptr || !value->is_int64() || value->get_int64() < least || value->get_int64() > most)
        return damaged("a number is missing or out of range");
    return value->get_int64();
}

Result<std::string> text_in(const json::value* value) {
    if (value == nullptr || !value->is_string() || value->get_string().size() > name_limit_octets)
        return damaged("a text is missing or too long");
    return std::string(value->get_string());
}

// A name leads nowhere but where files of its place belong.
bool is_proper(std::string_view name, Place place) {
    if (name.empty() || std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
        return false;
    if (place == Place::store) return !name.contains('/') && name != "." && name != ".." && name != "lock";
    return name.starts_with('/') && !name.ends_with('/') && !fmt::format("{}/", name).contains("/../");
}

Result<Block> parse_block(const json::value& value) {
    if (!value.is_array() || value.get_array().size() != 4) return damaged("a block");
    const json::array& parts = value.get_array();
    Block block;
    RELEVO_TRY(const std::int64_t pack, integer_in(&parts[0], 1, UINT32_MAX));
    RELEVO_TRY(const std::int64_t offset, integer_in(&parts[1], 0, size_limit));
    RELEVO_TRY(const std::int64_t length, integer_in(&parts[2], 1, static_cast<std::int64_t>(longest_block_octets)));
    RELEVO_TRY(block.hash, parse_hash(relevo::json::text_of(&parts[3])));
    block.pack = static_cast<std::uint32_t>(pack);
    block.offset = static_cast<Octets>(offset);
    block.length = static_cast<Octets>(length);
    return block;
}

Result<BackedUpFile> parse_file(const json::value& value) {
    using relevo::json::member;
    BackedUpFile file;
    RELEVO_TRY(file.name, text_in(member(value, "name")));
    RELEVO_TRY(const std::string place, text_in(member(value, "place")));
    if (place != "store" && place != "configuration") return damaged("a place that does not exist");
    file.place = place == "store" ? Place::store : Place::configuration;
    if (!is_proper(file.name, file.place)) return damaged("a name that no file of a backup has");
    RELEVO_TRY(const std::int64_t size, integer_in(member(value, "size"), 0, size_limit));
    RELEVO_TRY(const std::int64_t block,
               integer_in(member(value, "block"), 1, static_cast<std::int64_t>(longest_block_octets)));
    RELEVO_TRY(file.changed, integer_in(member(value, "changed"), 0, INT64_MAX));
    RELEVO_TRY(const std::int64_t inode, integer_in(member(value, "inode"), 0, INT64_MAX));
    file.size = static_cast<Octets>(size);
    file.block_octets = static_cast<Octets>(block);
    file.inode = static_cast<std::uint64_t>(inode);
    const json::value* blocks = member(value, "blocks");
    if (blocks == nullptr || !blocks->is_array()) return damaged("a file without blocks");
    Octets sum = 0;
    for (const json::value& one : blocks->get_array()) {
        if (sum % file.block_octets != 0) return damaged("a short block in the middle of a file");
        RELEVO_TRY(file.blocks.emplace_back(), parse_block(one));
        if (file.blocks.back().length > file.block_octets) return damaged("a block is too long");
        sum += file.blocks.back().length;
    }
    if (sum != file.size) return damaged("the blocks of a file are not all of it");
    return file;
}

}  // namespace

BlockHash hash_of(std::string_view octets) {
    BlockHash hash{};
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(octets.data()), octets.size(),
                       nullptr, 0);
    return hash;
}

std::string text_of(const Manifest& manifest) {
    std::string files = "[";
    for (const BackedUpFile& file : manifest.files) {
        std::string blocks = "[";
        for (const Block& block : file.blocks)
            blocks += fmt::format("{}[{},{},{},\"{}\"]", blocks.size() > 1 ? "," : "", block.pack, block.offset,
                                  block.length, hex_of(block.hash));
        files += files.size() > 1 ? "," : "";
        files += JsonWriter()
                     .field("name", file.name)
                     .field("place", file.place == Place::store ? "store" : "configuration")
                     .field("size", file.size)
                     .field("block", file.block_octets)
                     .field("changed", file.changed)
                     .field("inode", file.inode)
                     .raw("blocks", blocks + "]")
                     .finish();
    }
    std::string text = JsonWriter()
                           .field("format", format_name)
                           .field("version", format_version)
                           .field("made_at", manifest.made_at.time_since_epoch().count())
                           .field("relevo", manifest.version)
                           .field("host_name", manifest.host_name)
                           .field("data_dir", manifest.data_dir)
                           .field("messages", manifest.messages)
                           .field("recipients", manifest.recipients)
                           .raw("files", files + "]")
                           .finish() +
                       "\n";
    const BlockHash hash = hash_of(text);
    return fmt::format("{}{}{}\n", text, checksum_word, hex_of(hash));
}

Result<Manifest> parse_manifest(std::string_view text) {
    if (text.size() > limit_octets) return failure(ErrorKind::limit, "the list of its files is over 1 GiB");
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return damaged("it is cut short, or something else");
    const std::string_view content = text.substr(0, end + 1);
    const std::string_view last = text.substr(end + 1);
    if (!last.starts_with(checksum_word) || !last.ends_with('\n')) return damaged("it is cut short, or something else");
    RELEVO_TRY(const BlockHash hash,
               parse_hash(last.substr(checksum_word.size(), last.size() - checksum_word.size() - 1)));
    if (hash != hash_of(content)) return damaged("it was changed after it was written");
    RELEVO_TRY(const json::value value, relevo::json::parse(content, {.octets = limit_octets, .depth = 8}));
    using relevo::json::member;
    if (relevo::json::text_of(member(value, "format")) != format_name)
        return damaged("it is not of a backup of Relevo");
    RELEVO_TRY(const std::int64_t version, integer_in(member(value, "version"), 1, INT64_MAX));
    if (version != format_version)
        return failure(ErrorKind::unsupported,
                       fmt::format("it was made by a newer Relevo (format {} of backups; this one knows {})", version,
                                   format_version));
    Manifest manifest;
    RELEVO_TRY(const std::int64_t made_at, integer_in(member(value, "made_at"), 0, std::int64_t{1} << 47));
    manifest.made_at = decltype(manifest.made_at)(std::chrono::milliseconds(made_at));
    RELEVO_TRY(manifest.version, text_in(member(value, "relevo")));
    RELEVO_TRY(manifest.host_name, text_in(member(value, "host_name")));
    RELEVO_TRY(manifest.data_dir, text_in(member(value, "data_dir")));
    RELEVO_TRY(manifest.messages, integer_in(member(value, "messages"), 0, INT64_MAX));
    RELEVO_TRY(manifest.recipients, integer_in(member(value, "recipients"), 0, INT64_MAX));
    const json::value* files = member(value, "files");
    if (files == nullptr || !files->is_array()) return damaged("it names no files");
    for (const json::value& file : files->get_array()) {
        RELEVO_TRY(manifest.files.emplace_back(), parse_file(file));
    }
    return manifest;
}

}  // namespace relevo::backup
