// Destination: delivers the log to one remote_write endpoint, on a thread of its own.
//
// Works in windows: reads a stretch of log, has it sent (WindowSender), notes the position and goes
// on. A series is in one request of a window only, so its samples arrive in order. The width of the
// window (requests side by side: Prometheus's shards) grows while the log runs ahead and shrinks
// when it does not.
//
// Fresh first: when a window turns out to be old, as after an outage, and the receiver takes
// samples out of order, the backlog is set aside. Windows of it then take turns with fresh ones,
// and at most half of the time. What BacklogTrimmer set aside, because it is the oldest that is to
// be kept, takes turns under the same conditions; otherwise it goes first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "config/config.h"
#include "net/http_client.h"
#include "remote/send/backlog_trimmer.h"
#include "remote/send/log_follower.h"
#include "remote/send/manager.h"
#include "remote/send/message_encoder.h"
#include "remote/send/probe.h"
#include "remote/send/series_labels.h"
#include "remote/send/window_sender.h"
#include "storage/wal_source.h"

namespace tributary::remote {

class Destination {
 public:
  // Opens the log where delivery stopped, or at its end the first time, and begins to deliver.
  static base::Result<std::unique_ptr<Destination>> Start(
      const SendOptions& options, const config::RemoteWriteConfig& config,
      const model::Labels& external_labels, storage::WalSource& source, base::FileSystem& fs,
      const base::Clock& clock, base::MetricsRegistry& metrics);
  ~Destination();

  // Delivers what the log holds now, as long as the receiver takes it and `deadline_ms` has not
  // passed; then ends. The rest is delivered after the next start.
  void Stop(int64_t deadline_ms);

  const config::RemoteWriteConfig& config() const { return config_; }
  const model::Labels& external_labels() const { return external_labels_; }

 private:
  Destination(const SendOptions& options, const config::RemoteWriteConfig& config,
              const model::Labels& external_labels, storage::WalSource& source,
              const base::Clock& clock, base::MetricsRegistry& metrics);

  void Run();
  // False: it is time to end.
  bool ReadWindow();
  bool DeliverWindow();
  void LetFreshGoFirst();
  bool ReceiverTakesAge(int64_t age_ms);
  void RestAside(int64_t window_ns);
  bool RunsAhead() const;
  uint64_t BytesOf(size_t items) const;
  void AdaptWidth(bool log_runs_ahead);
  void SendMetadataIfDue();
  void UpdateGauges();
  bool Stopping();
  bool Ending();

  const SendOptions options_;
  const config::RemoteWriteConfig config_;
  const model::Labels external_labels_;
  storage::WalSource& source_;
  const base::Clock& clock_;
  SendProbe probe_;
  SeriesLabels labels_;
  MessageEncoder encoder_;
  WindowSender sender_;
  std::unique_ptr<LogFollower> log_;
  std::unique_ptr<BacklogTrimmer> trimmer_;

  const RequestSize request_size_;

  // Touched by the thread only.
  storage::WalBatch batch_;
  Lane lane_ = Lane::kFresh;  // of the window
  bool in_turns_ = false;     // fresh and aside; otherwise what is aside goes first
  storage::WalPosition window_begin_, window_end_;
  size_t width_ = 1;
  int calm_windows_ = 0;  // in a row that did not need the width
  bool window_full_ = false;
  int64_t newest_read_ms_ = 0;
  int64_t newest_sent_ms_ = 0;
  int64_t oldest_unsent_ms_ = 0;  // 0: everything read is delivered
  int64_t aside_due_ns_ = 0;      // when the backlog has its turn again
  int64_t aside_time_ms_ = 0;     // how far it has come, by the time of its samples; 0: not known
  int64_t next_metadata_ns_ = 0;

  base::Mutex mutex_;
  bool stopping_ TB_GUARDED_BY(mutex_) = false;
  int64_t stop_deadline_ns_ TB_GUARDED_BY(mutex_) = 0;
  storage::WalPosition stop_at_ TB_GUARDED_BY(mutex_);

  std::unique_ptr<net::HttpClient> client_;  // completions use the members above
  std::thread thread_;
};

}  // namespace tributary::remote
