// The agent of one cluster: a WAL and a collector.
#include <algorithm>

#include "app/collector.h"
#include "app/role.h"
#include "app/store_options.h"
#include "remote/receive/write_handler.h"
#include "tsdb/agent/agent_db.h"

namespace tributary::app {
namespace {

constexpr uint64_t kSegmentStep = 1 << 20;

// At least the time that is always kept, and the time between two truncations.
int64_t MaxTimeMs(const Options& options) {
  const int64_t truncate_ms = options.agent_truncate_frequency_ms != 0
                                  ? options.agent_truncate_frequency_ms
                                  : tsdb::AgentDbOptions{}.truncate_frequency_ms;
  return std::max({options.agent_max_time_ms, options.agent_min_time_ms, truncate_ms});
}

tsdb::AgentDbOptions MakeDbOptions(const Ground& ground, const config::Config& config) {
  const Options& options = ground.options;
  tsdb::AgentDbOptions db;
  db.path = options.agent_path;
  if (options.agent_wal_segment_bytes != 0) db.wal_segment_bytes = options.agent_wal_segment_bytes;
  db.wal_compression =
      WalCompressionOf(options.agent_wal_compression, options.agent_wal_compression_type);
  if (options.agent_truncate_frequency_ms != 0) {
    db.truncate_frequency_ms = options.agent_truncate_frequency_ms;
  }
  db.min_wal_time_ms = options.agent_min_time_ms;
  if (options.agent_max_bytes != 0) {
    // What is not delivered, what is and waits to be removed, and the segment being written.
    db.max_wal_bytes = options.agent_max_bytes / 8 * 7;
    db.wal_segment_bytes =
        std::clamp<uint64_t>(options.agent_max_bytes / 16 / kSegmentStep * kSegmentStep,
                             kSegmentStep, db.wal_segment_bytes);
    db.most_unpacked_bytes = std::min(db.most_unpacked_bytes, options.agent_max_bytes / 16);
  }
  db.out_of_order_window_ms = config.tsdb.out_of_order_time_window_ms;
  db.keep_starts = ground.features.keep_starts;
  db.start_zeros = ground.features.start_zeros;
  db.use_lock_file = !options.agent_no_lockfile;
  return db;
}

remote::SendOptions MakeSendOptions(const Options& options) {
  remote::SendOptions send;
  send.max_backlog_bytes = options.agent_max_bytes / 4 * 3;
  send.max_backlog_age_ms = MaxTimeMs(options);
  send.keep_oldest = options.agent_drop == "newest";
  return send;
}

class Agent final : public Role {
 public:
  Agent(const Ground& ground, int64_t out_of_order_window_ms, std::unique_ptr<tsdb::AgentDb> db)
      : ground_(ground),
        db_(std::move(db)),
        collector_(ground.options, *db_, ground.fs, ground.clock, ground.pool, ground.metrics) {
    if (ground.options.enable_write_receiver) {
      receiver_ = remote::WriteHandler::Create(ReceiverOptions(ground.options, ground.features),
                                               *db_, ground.clock, ground.metrics);
      receiver_->SetOutOfOrderWindow(out_of_order_window_ms);
    }
  }

  void Offer(web::Services* services) override {
    services->scrape = collector_.scrape();
    services->write = receiver_.get();
    services->replay_progress = [this] { return db_->progress(); };
  }

  base::Status Replay() override { return db_->Replay(); }

  std::vector<Applier> Begin() override {
    collector_.OpenSender(db_->wal_source(), ground_.options.agent_path,
                          MakeSendOptions(ground_.options));
    std::vector<Applier> appliers;
    appliers.push_back(collector_.SenderApplier());
    for (Applier& applier : collector_.ScrapeAppliers()) appliers.push_back(std::move(applier));
    return appliers;
  }

  void StopCollecting() override { collector_.Stop(); }

  base::Status Close() override { return db_->Close(); }

 private:
  const Ground ground_;
  const std::unique_ptr<tsdb::AgentDb> db_;
  std::unique_ptr<remote::WriteHandler> receiver_;
  Collector collector_;
};

}  // namespace

base::Result<std::unique_ptr<Role>> OpenAgent(const Ground& ground, const config::Config& config) {
  RETURN_IF_ERROR(ground.fs.CreateDirs(ground.options.agent_path));
  const tsdb::AgentDbOptions options = MakeDbOptions(ground, config);
  ASSIGN_OR_RETURN(std::unique_ptr<tsdb::AgentDb> db,
                   tsdb::AgentDb::Open(options, ground.fs, ground.clock, ground.metrics));
  return std::make_unique<Agent>(ground, options.out_of_order_window_ms, std::move(db));
}

}  // namespace tributary::app
