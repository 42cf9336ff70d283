// The agent of one cluster: a WAL and a collector.
#include "app/collector.h"
#include "app/role.h"
#include "app/store_options.h"
#include "remote/receive/write_handler.h"
#include "tsdb/agent/agent_db.h"

namespace tributary::app {
namespace {

tsdb::AgentDbOptions MakeDbOptions(const Options& options, const config::Config& config) {
  tsdb::AgentDbOptions db;
  db.path = options.agent_path;
  if (options.agent_wal_segment_bytes != 0) db.wal_segment_bytes = options.agent_wal_segment_bytes;
  db.wal_compression =
      WalCompressionOf(options.agent_wal_compression, options.agent_wal_compression_type);
  if (options.agent_truncate_frequency_ms != 0) {
    db.truncate_frequency_ms = options.agent_truncate_frequency_ms;
  }
  db.min_wal_time_ms = options.agent_min_time_ms;
  db.max_wal_time_ms = options.agent_max_time_ms;
  db.out_of_order_window_ms = config.tsdb.out_of_order_time_window_ms;
  db.use_lock_file = !options.agent_no_lockfile;
  return db;
}

class Agent final : public Role {
 public:
  Agent(const Ground& ground, std::unique_ptr<tsdb::AgentDb> db)
      : ground_(ground),
        db_(std::move(db)),
        collector_(ground.options, *db_, ground.fs, ground.clock, ground.pool, ground.metrics) {
    if (ground.options.enable_write_receiver) {
      receiver_ = remote::WriteHandler::Create(ReceiverOptions(ground.options), *db_, ground.clock,
                                               ground.metrics);
    }
  }

  void Offer(web::Services* services) override {
    services->scrape = collector_.scrape();
    services->write = receiver_.get();
    services->replay_progress = [this] { return db_->progress(); };
  }

  std::string storage_retention() const override { return ""; }

  base::Status Replay() override { return db_->Replay(); }

  std::vector<Applier> Begin() override {
    collector_.OpenSender(db_->wal_source(), ground_.options.agent_path);
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
  ASSIGN_OR_RETURN(std::unique_ptr<tsdb::AgentDb> db,
                   tsdb::AgentDb::Open(MakeDbOptions(ground.options, config), ground.fs,
                                       ground.clock, ground.metrics));
  return std::make_unique<Agent>(ground, std::move(db));
}

}  // namespace tributary::app
