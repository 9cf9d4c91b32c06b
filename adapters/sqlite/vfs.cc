#include "adapters/sqlite/vfs.h"

#include "adapters/sqlite/page_seal.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

namespace relevo::sqlite {
namespace {

constexpr Octets log_allocation_octets = 1 * mebibyte;
constexpr std::size_t log_buffer_octets = 256 * 1024;
constexpr std::size_t damaged_pages_limit = 1'000;  // that are remembered

// SQLite calls and asks for the reason on one thread, and several threads use one Vfs.
thread_local std::string failure_of_thread;

// SQLite allocates szOsFile octets and calls xOpen on them; what follows the base is ours, made by placement new.
struct File {
    sqlite3_file base;
    Vfs* vfs;
    std::shared_ptr<DiskFile> file;
    std::shared_ptr<Vfs::Shared> shared;  // of the database file, between its connections
    int held;
    WalIndex::Held wal_locks;
    bool is_log;
    Octets log_room;  // octets of the log that are allocated
    // SQLite writes the log in pieces of 24 and 4096 octets, one after the other; collected here, they reach the disk
    // as one write when they are synced, unless commits sync nothing (LogWrites). Nobody reads them before, but this
    // connection: then they are written first.
    std::string unwritten;
    Octets unwritten_at;
    std::optional<Octets> lost_from;  // where a write failed
    bool name_may_be_new;             // perhaps of a process that was killed: the first sync syncs the folder too
    bool has_new_header;              // of the log: must be on the disk before what follows it
};

File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
Vfs& of(sqlite3_vfs* vfs) { return *static_cast<Vfs*>(vfs->pAppData); }

// After a failure the log has a hole where the octets were to go: until SQLite, back at the start of the failed
// transaction, writes there again, nothing is added behind it and it cannot be synced.
int write_out(File& file) {
    if (file.lost_from)
        return file.vfs->failed({ErrorKind::io, "an earlier write of the log failed"}, SQLITE_IOERR_WRITE);
    if (file.unwritten.empty()) return SQLITE_OK;
    const auto done = file.file->write_at(file.unwritten_at, as_octets(file.unwritten));
    if (!done.has_value()) file.lost_from = file.unwritten_at;
    file.unwritten.clear();
    return done.has_value() ? SQLITE_OK : file.vfs->failed(done.error(), SQLITE_IOERR_WRITE);
}

int close(sqlite3_file* base) {
    File& file = of(base);
    if (file.shared) {
        file.shared->wal_index.release(file.wal_locks);
        file.shared->locks.unlock(file.held, SQLITE_LOCK_NONE);
    }
    file.~File();
    return SQLITE_OK;
}

// The number of the page that lies there, if the octets are a page with a seal; 0 otherwise.
std::uint32_t sealed_page(const File& file, std::size_t count, Octets offset) {
    const std::size_t size = file.shared ? file.shared->sealed_page_size.load(std::memory_order_relaxed) : 0;
    return size != 0 && count == size && offset % size == 0 ? static_cast<std::uint32_t>(offset / size + 1) : 0;
}

// Before any connection reads of it.
void look_for_seals(File& file) {
    std::string first(largest_page_octets, '\0');
    const auto done = file.file->read_at(0, std::as_writable_bytes(std::span(first)));
    if (done.has_value()) file.shared->sealed_page_size = size_of_sealed_pages(as_octets(first).first(*done));
}

int read(sqlite3_file* base, void* into, int count, sqlite3_int64 offset) {
    File& file = of(base);
    const auto end = static_cast<Octets>(offset + count);
    const bool is_behind_hole = file.lost_from && end > *file.lost_from;
    if (is_behind_hole || (!file.unwritten.empty() && end > file.unwritten_at))
        if (const int written = write_out(file); written != SQLITE_OK) return written;
    const auto wanted = static_cast<std::size_t>(count);
    const auto done = file.file->read_at(static_cast<Octets>(offset), std::span(static_cast<std::byte*>(into), wanted));
    if (!done.has_value()) return file.vfs->failed(done.error(), SQLITE_IOERR_READ);
    if (*done == wanted) {
        const std::uint32_t number = sealed_page(file, wanted, static_cast<Octets>(offset));
        const bool is_compared = number != 0 && file.vfs->page_check() == PageCheck::compared;
        if (is_compared && !is_page_whole(std::span(static_cast<const std::byte*>(into), wanted), number))
            return file.vfs->page_differs(number);
        return SQLITE_OK;
    }
    std::memset(static_cast<std::byte*>(into) + *done, 0, wanted - *done);
    return SQLITE_IOERR_SHORT_READ;
}

// A sync of a file that grew waits for the file system's journal, which costs several times more than the data. Zeros
// after the last frame are no frame to SQLite: their salt is wrong.
void make_room(File& file, Octets end) {
    if (end <= file.log_room) return;
    const Octets wanted = (end / log_allocation_octets + 1) * log_allocation_octets;
    file.log_room = file.file->allocate(wanted).has_value() ? wanted : end;
}

int collect(File& file, std::string_view octets, Octets position) {
    file.vfs->log_written(position);
    if (position == 0) file.has_new_header = true;
    if (file.lost_from && position <= *file.lost_from) file.lost_from.reset();
    const bool follows = position == file.unwritten_at + file.unwritten.size();
    if (file.lost_from || !follows || file.unwritten.size() + octets.size() > log_buffer_octets)
        if (const int written = write_out(file); written != SQLITE_OK) return written;
    if (file.unwritten.empty()) file.unwritten_at = position;
    file.unwritten += octets;
    make_room(file, position + octets.size());
    return file.vfs->log_writes() == LogWrites::at_once ? write_out(file) : SQLITE_OK;
}

int write(sqlite3_file* base, const void* from, int count, sqlite3_int64 offset) {
    File& file = of(base);
    const auto position = static_cast<Octets>(offset);
    const std::string_view octets(static_cast<const char*>(from), static_cast<std::size_t>(count));
    if (file.is_log) return collect(file, octets, position);
    if (position == 0 && file.shared && octets.size() >= file_header_octets)
        file.shared->sealed_page_size = size_of_sealed_pages(as_octets(octets));
    std::string sealed;  // what SQLite gives is its own
    if (const std::uint32_t number = sealed_page(file, octets.size(), position); number != 0) {
        sealed = octets;
        seal_page(std::as_writable_bytes(std::span(sealed)), number);
    }
    const auto done = file.file->write_at(position, as_octets(sealed.empty() ? octets : std::string_view(sealed)));
    return done.has_value() ? SQLITE_OK : file.vfs->failed(done.error(), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* base, sqlite3_int64 size) {
    File& file = of(base);
    if (const int written = write_out(file); written != SQLITE_OK) return written;
    file.log_room = 0;
    const auto done = file.file->truncate(static_cast<Octets>(size));
    return done.has_value() ? SQLITE_OK : file.vfs->failed(done.error(), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* base, int) {
    File& file = of(base);
    if (const int written = write_out(file); written != SQLITE_OK) return written;
    if (file.is_log && file.vfs->defers_log_sync() && !file.has_new_header && !file.name_may_be_new) {
        file.vfs->put_off_log_sync(file.file);
        return SQLITE_OK;
    }
    auto done = file.file->sync();
    if (done.has_value() && file.name_may_be_new) done = file.vfs->disk().sync_folder();
    if (file.is_log) file.vfs->log_synced(done.has_value());
    if (!done.has_value()) return file.vfs->failed(done.error(), SQLITE_IOERR_FSYNC);
    file.name_may_be_new = file.has_new_header = false;
    return SQLITE_OK;
}

int file_size(sqlite3_file* base, sqlite3_int64* size) {
    File& file = of(base);
    if (const int written = write_out(file); written != SQLITE_OK) return written;
    const auto octets = file.file->size();
    if (!octets.has_value()) return file.vfs->failed(octets.error(), SQLITE_IOERR_FSTAT);
    *size = static_cast<sqlite3_int64>(*octets);
    return SQLITE_OK;
}

int lock(sqlite3_file* base, int wanted) { return of(base).shared->locks.lock(of(base).held, wanted); }
int unlock(sqlite3_file* base, int wanted) { return of(base).shared->locks.unlock(of(base).held, wanted); }

int check_reserved_lock(sqlite3_file* base, int* reserved) {
    *reserved = of(base).shared->locks.reserved() ? 1 : 0;
    return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }
// A write changes no octet outside its range, even when it is torn by a power cut; nothing more is promised.
int device_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int shm_map(sqlite3_file* base, int index, int size, int extend, volatile void** region) {
    return of(base).shared->wal_index.map(index, size, extend != 0, region);
}
int shm_lock(sqlite3_file* base, int first, int count, int flags) {
    return of(base).shared->wal_index.lock(of(base).wal_locks, first, count, flags);
}
void shm_barrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }
int shm_unmap(sqlite3_file* base, int) {
    of(base).shared->wal_index.release(of(base).wal_locks);
    return SQLITE_OK;
}

constexpr sqlite3_io_methods file_methods{.iVersion = 2,
                                          .xClose = close,
                                          .xRead = read,
                                          .xWrite = write,
                                          .xTruncate = truncate,
                                          .xSync = sync,
                                          .xFileSize = file_size,
                                          .xLock = lock,
                                          .xUnlock = unlock,
                                          .xCheckReservedLock = check_reserved_lock,
                                          .xFileControl = file_control,
                                          .xSectorSize = sector_size,
                                          .xDeviceCharacteristics = device_characteristics,
                                          .xShmMap = shm_map,
                                          .xShmLock = shm_lock,
                                          .xShmBarrier = shm_barrier,
                                          .xShmUnmap = shm_unmap,
                                          .xFetch = nullptr,
                                          .xUnfetch = nullptr};

int open(sqlite3_vfs* base, const char* name, sqlite3_file* into, int flags, int* flags_out) {
    Vfs& vfs = of(base);
    into->pMethods = nullptr;
    // Temporary files have no name; temp_store=MEMORY and the log keep SQLite from wanting any.
    if (name == nullptr) return SQLITE_CANTOPEN;
    const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
    auto file = vfs.disk().open(name, create ? OpenMode::create : OpenMode::existing);
    if (!file.has_value()) {
        vfs.failed(file.error(), SQLITE_CANTOPEN);
        return SQLITE_CANTOPEN;
    }
    const bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    new (into) File{.base = {&file_methods},
                    .vfs = &vfs,
                    .file = *std::move(file),
                    .shared = is_database ? vfs.shared_of(name) : nullptr,
                    .held = SQLITE_LOCK_NONE,
                    .wal_locks = {},
                    .is_log = (flags & SQLITE_OPEN_WAL) != 0,
                    .log_room = 0,
                    .unwritten = {},
                    .unwritten_at = 0,
                    .lost_from = {},
                    .name_may_be_new = create,
                    .has_new_header = false};
    if (is_database) look_for_seals(of(into));
    if (flags_out != nullptr) *flags_out = flags;
    return SQLITE_OK;
}

int remove(sqlite3_vfs* base, const char* name, int sync_folder) {
    Vfs& vfs = of(base);
    const auto removed = vfs.disk().remove(name);
    if (!removed.has_value() && removed.error().kind == ErrorKind::not_found) return SQLITE_IOERR_DELETE_NOENT;
    if (!removed.has_value()) return vfs.failed(removed.error(), SQLITE_IOERR_DELETE);
    if (sync_folder == 0) return SQLITE_OK;
    const auto synced = vfs.disk().sync_folder();
    return synced.has_value() ? SQLITE_OK : vfs.failed(synced.error(), SQLITE_IOERR_DIR_FSYNC);
}

int access(sqlite3_vfs* base, const char* name, int flags, int* answer) {
    Vfs& vfs = of(base);
    const auto found = vfs.disk().exists(name);
    if (!found.has_value()) return vfs.failed(found.error(), SQLITE_IOERR_ACCESS);
    *answer = *found ? 1 : 0;
    // SQLite asks for existence of a log or journal and takes an empty one for none.
    if (*found && flags == SQLITE_ACCESS_EXISTS) {
        const auto file = vfs.disk().open(name, OpenMode::existing);
        const auto size = file.has_value() ? (*file)->size() : Result<Octets>(Octets{0});
        *answer = size.has_value() && *size > 0 ? 1 : 0;
    }
    return SQLITE_OK;
}

int full_pathname(sqlite3_vfs*, const char* name, int size, char* into) {
    sqlite3_snprintf(size, into, "%s", name);
    return SQLITE_OK;
}

int sleep(sqlite3_vfs*, int microseconds) {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    return microseconds;
}

int current_time_64(sqlite3_vfs*, sqlite3_int64* milliseconds) {
    constexpr sqlite3_int64 unix_epoch = 24405875LL * 8640000;  // in milliseconds of the Julian day
    *milliseconds = unix_epoch + std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count();
    return SQLITE_OK;
}

int current_time(sqlite3_vfs* vfs, double* days) {
    sqlite3_int64 milliseconds = 0;
    current_time_64(vfs, &milliseconds);
    *days = static_cast<double>(milliseconds) / 86400000.0;
    return SQLITE_OK;
}

// Salts of the log come from here: the system's own randomness.
int randomness(sqlite3_vfs*, int count, char* into) {
    sqlite3_vfs* const system = sqlite3_vfs_find("unix");
    return system == nullptr ? 0 : system->xRandomness(system, count, into);
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

// By default SQLite counts its memory under one mutex, which every allocation of every connection passes; nobody reads
// the counts. It must come before all else of the library.
void configure_library() {
    [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    assert(configured == SQLITE_OK);
}

}  // namespace

Vfs::Vfs(Disk& disk, LogWrites log_writes)
    : disk_(disk),
      log_writes_(log_writes),
      name_(fmt::format("relevo-{}", fmt::ptr(this))),
      vfs_(std::make_unique<sqlite3_vfs>()) {
    configure_library();
    vfs_->iVersion = 2;
    vfs_->szOsFile = sizeof(File);
    vfs_->mxPathname = 255;
    vfs_->zName = name_.c_str();
    vfs_->pAppData = this;
    vfs_->xOpen = open;
    vfs_->xDelete = remove;
    vfs_->xAccess = access;
    vfs_->xFullPathname = full_pathname;
    vfs_->xRandomness = randomness;
    vfs_->xSleep = sleep;
    vfs_->xCurrentTime = current_time;
    vfs_->xGetLastError = last_error;
    vfs_->xCurrentTimeInt64 = current_time_64;
    sqlite3_vfs_register(vfs_.get(), 0);
}

Vfs::~Vfs() { sqlite3_vfs_unregister(vfs_.get()); }

std::shared_ptr<Vfs::Shared> Vfs::shared_of(const std::string& file_name) {
    const std::lock_guard guard(mutex_);
    auto shared = shared_[file_name].lock();
    if (!shared) shared_[file_name] = shared = std::make_shared<Shared>();
    return shared;
}

int Vfs::failed(const Error& error, int code) {
    failure_of_thread = error.detail;
    return error.kind == ErrorKind::full ? SQLITE_FULL : code;
}

int Vfs::page_differs(std::uint32_t number) {
    failure_of_thread = fmt::format("page {} has a wrong checksum", number);
    bool is_new = false;
    {
        const std::lock_guard guard(mutex_);
        if (damaged_pages_.size() < damaged_pages_limit) is_new = damaged_pages_.insert(number).second;
    }
    if (is_new && on_page_damage_) on_page_damage_(number);
    return SQLITE_IOERR_DATA;
}

std::set<std::uint32_t> Vfs::damaged_pages() const {
    const std::lock_guard guard(mutex_);
    return damaged_pages_;
}

const std::string& Vfs::last_failure() { return failure_of_thread; }

void Vfs::log_written(Octets offset) {
    const std::lock_guard guard(mutex_);
    first_unsynced_ = std::min(first_unsynced_.value_or(offset), offset);
}

void Vfs::log_synced(bool succeeded) {
    const std::lock_guard guard(mutex_);
    if (succeeded)
        first_unsynced_.reset();
    else
        log_in_doubt_ = true;
}

void Vfs::put_off_log_sync(std::shared_ptr<DiskFile> log) {
    const std::lock_guard guard(mutex_);
    log_to_sync_ = std::move(log);
}

Result<void> Vfs::sync_log() {
    std::shared_ptr<DiskFile> log;
    {
        const std::lock_guard guard(mutex_);
        log = std::exchange(log_to_sync_, nullptr);
        if (!log) return {};
        syncing_from_ = std::exchange(first_unsynced_, std::nullopt);
    }
    auto done = log->sync();
    const std::lock_guard guard(mutex_);
    if (!done.has_value()) {
        if (syncing_from_) first_unsynced_ = std::min(first_unsynced_.value_or(*syncing_from_), *syncing_from_);
        log_in_doubt_ = true;
    }
    syncing_from_.reset();
    return done;
}

Result<void> Vfs::cut_log(std::string_view log_name) {
    const std::lock_guard guard(mutex_);
    log_to_sync_.reset();
    if (!log_in_doubt_) return {};
    RELEVO_TRY(const bool exists, disk_.exists(log_name));
    if (exists && first_unsynced_) {
        RELEVO_TRY(const auto log, disk_.open(log_name, OpenMode::existing));
        RELEVO_CHECK(log->truncate(*first_unsynced_));
        RELEVO_CHECK(log->sync());
    }
    first_unsynced_.reset();
    log_in_doubt_ = false;
    return {};
}

}  // namespace relevo::sqlite
