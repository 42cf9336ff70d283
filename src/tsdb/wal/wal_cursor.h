// Following a growing log for remote write, and the part of storage::WalSource that both stores
// share.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/string_map.h"
#include "storage/wal_source.h"
#include "tsdb/wal/wal_tail.h"

namespace tributary::tsdb {

struct WalCursorOptions {
  std::string dir;
  std::shared_ptr<WalTail> tail;  // the writer's
  // Told of each damaged place that was skipped, on the cursor's thread. May be empty.
  std::function<void(const base::Error&)> on_damage;
};

// A cursor that gives the samples, histograms and exemplars logged from `position` on and passes
// over all other records. Segments that were removed under it are skipped. `fs` must outlive it.
std::unique_ptr<storage::WalCursor> OpenWalCursor(base::FileSystem& fs, WalCursorOptions options,
                                                  storage::WalPosition position);

// Implements all of storage::WalSource but what is about labels. Thread-safe.
class WalSourceBase : public storage::WalSource {
 public:
  WalSourceBase(base::FileSystem& fs, WalCursorOptions options);

  storage::WalPosition Begin() const override;
  storage::WalPosition End() const override;
  uint64_t BytesBetween(storage::WalPosition from, storage::WalPosition to) const override;
  base::Result<std::unique_ptr<storage::WalCursor>> Open(storage::WalPosition position,
                                                         bool* skipped) override;
  void Wake() override { options_.tail->WakeAll(); }
  void SetNeeded(std::string_view name, std::vector<storage::WalRange> needed) override;
  void Forget(std::string_view name) override;
  void ExpectFollowers(bool more) override;
  void Decline(std::string_view name, TellLeftOut tell) override;
  bool AllDecline() const override { return all_decline_.load(std::memory_order_relaxed); }

  // Tells all followers.
  void LeaveOut(const storage::LeftOut& left_out);

  // The least position of all followers: segments below it are no longer needed by any. Nothing
  // when there are no followers and none are expected.
  std::optional<storage::WalPosition> LeastDelivered() const;
  // Some follower needs samples of the segment, or may.
  bool IsNeeded(uint32_t segment) const;

 private:
  base::FileSystem& fs_;
  const WalCursorOptions options_;
  mutable base::Mutex mutex_;
  struct Follower {
    std::vector<storage::WalRange> needed;
    TellLeftOut declines;
  };
  void NoteDeclines() TB_REQUIRES(mutex_);
  base::StringMap<Follower> followers_ TB_GUARDED_BY(mutex_);
  bool more_expected_ TB_GUARDED_BY(mutex_) = false;
  std::atomic<bool> all_decline_{false};
};

}  // namespace tributary::tsdb
