// BacklogTrimmer: keeps what a destination has not delivered within its limit. Beyond it the oldest
// is given up, or, where the oldest is to be kept, what comes is passed over until an eighth of the
// limit is free again. Every sample it drops is counted. Used by the destination's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "remote/send/backlog_limit.h"
#include "remote/send/log_follower.h"
#include "remote/send/manager.h"
#include "remote/send/probe.h"
#include "storage/wal_source.h"

namespace tributary::remote {

class BacklogTrimmer {
 public:
  // `is_ending` breaks off what would take long. All but the options and the name are borrowed.
  BacklogTrimmer(const SendOptions& options, std::string name, size_t read_samples,
                 storage::WalSource& source, LogFollower& log, const base::Clock& clock,
                 SendProbe& probe, std::function<bool()> is_ending);
  // The log takes what comes again.
  ~BacklogTrimmer() { DeclineWhile(false); }

  // Drops what is beyond the limit. `in_flight` is where the window begins that is being sent; when
  // that is the one to go, says why the caller is to give it up, else nullptr. `fresh_flows`: what
  // comes is taken by the receiver, beside the backlog.
  const char* Trim(std::optional<storage::WalPosition> in_flight, bool fresh_flows);

 private:
  void KeepOldest(std::optional<storage::WalPosition> in_flight);
  void DeclineWhile(bool is_full);
  bool Drop(Lane lane, const char* reason);
  void Count(const storage::LeftOut& left_out, const char* reason);
  void Complain(std::string_view what);

  const std::string name_;
  const bool keep_oldest_;
  const size_t read_samples_;
  storage::WalSource& source_;
  LogFollower& log_;
  const base::Clock& clock_;
  SendProbe& probe_;
  const std::function<bool()> is_ending_;

  BacklogLimit limit_;
  storage::WalBatch batch_;
  bool declining_ = false;  // what comes is not for this destination
  bool cut_off_ = false;    // what came before is set aside, and the fresh lane is passed over
  int64_t next_complaint_ns_ = 0;
};

}  // namespace tributary::remote
