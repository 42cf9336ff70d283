#include "promql/observe/active_query_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "wire/json_writer.h"

namespace tributary::promql {
namespace {

constexpr size_t kSlotBytes = 1000;
constexpr std::string_view kName = "queries.active";

off_t OffsetOf(int slot) { return static_cast<off_t>(1 + static_cast<size_t>(slot) * kSlotBytes); }

bool WriteAt(int fd, std::string_view data, off_t offset) {
  return ::pwrite(fd, data.data(), data.size(), offset) == static_cast<ssize_t>(data.size());
}

// Cuts without splitting a character.
std::string_view CutUtf8(std::string_view text, size_t size) {
  if (size >= text.size()) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

std::string RenderEntry(std::string_view query, int64_t now_ms) {
  std::string entry;
  wire::JsonWriter json(&entry);
  json.BeginObject();
  json.Key("query");
  json.String(query);
  json.Key("timestamp_sec");
  json.Int(now_ms / 1000);
  json.EndObject();
  return entry;
}

// One slot's bytes. Escapes make a text longer, so that the cut is repeated until it fits.
std::string RenderSlot(std::string_view query, int64_t now_ms) {
  query = CutUtf8(query, kSlotBytes);
  std::string slot = RenderEntry(query, now_ms);
  while (slot.size() >= kSlotBytes) {
    const size_t excess = slot.size() - (kSlotBytes - 1);
    query = CutUtf8(query, query.size() - std::min(query.size(), std::max<size_t>(excess / 6, 1)));
    slot = RenderEntry(query, now_ms);
  }
  slot.resize(kSlotBytes, '\0');
  slot.back() = ',';
  return slot;
}

base::Error SystemError(const std::string& path, const char* what) {
  return base::Error(base::ErrorCode::kIo, std::string(what) + " " + path + ": " +
                                               std::strerror(errno));  // NOLINT: start-up only
}

}  // namespace

std::string UnfinishedQueries(std::string_view file) {
  std::string text(file);
  std::erase(text, '\0');
  if (text.size() <= 1) return {};
  text.back() = ']';  // the last slot's comma
  return text;
}

base::Result<std::unique_ptr<ActiveQueryFile>> ActiveQueryFile::Open(const std::string& dir,
                                                                     size_t slots) {
  const std::string path = base::JoinPath(dir, kName);
  if (const auto before = base::PosixFileSystem().ReadFile(path)) {
    if (const std::string queries = UnfinishedQueries(*before); !queries.empty()) {
      LOG_INFO("These queries did not finish in the last run", kv("queries", queries));
    }
  }
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return SystemError(path, "open");
  std::unique_ptr<ActiveQueryFile> opened(new ActiveQueryFile(fd, slots));
  if (::ftruncate(fd, OffsetOf(static_cast<int>(slots))) != 0 || !WriteAt(fd, "[", 0)) {
    return SystemError(path, "write");
  }
  return opened;
}

ActiveQueryFile::ActiveQueryFile(int fd, size_t slots) : fd_(fd) {
  free_.reserve(slots);
  for (size_t i = slots; i > 0; --i) free_.push_back(static_cast<int>(i - 1));
}

ActiveQueryFile::~ActiveQueryFile() { ::close(fd_); }

int ActiveQueryFile::Insert(std::string_view query, int64_t now_ms) {
  int slot = -1;
  {
    base::MutexLock lock(mutex_);
    if (free_.empty()) return -1;
    slot = free_.back();
    free_.pop_back();
  }
  if (WriteAt(fd_, RenderSlot(query, now_ms), OffsetOf(slot))) return slot;
  Remove(slot);
  return -1;
}

void ActiveQueryFile::Remove(int slot) {
  if (slot < 0) return;
  const std::string zeros(kSlotBytes, '\0');
  // A slot that cannot be cleared says too much after a crash, which hurts nobody.
  (void)WriteAt(fd_, zeros, OffsetOf(slot));
  base::MutexLock lock(mutex_);
  free_.push_back(slot);
}

}  // namespace tributary::promql
