// The central server: a TSDB, PromQL over it, a write receiver into it, and a collector.
#include <algorithm>

#include <fmt/format.h>

#include "app/collector.h"
#include "app/retention.h"
#include "app/role.h"
#include "app/store_options.h"
#include "base/log.h"
#include "base/mutex.h"
#include "promql/engine.h"
#include "promql/observe/observed_engine.h"
#include "remote/receive/write_handler.h"
#include "tsdb/tsdb.h"

namespace tributary::app {
namespace {

tsdb::DbOptions MakeDbOptions(const Ground& ground, const config::Config& config,
                              const Retention& retention) {
  const Options& options = ground.options;
  tsdb::DbOptions db;
  db.path = options.tsdb_path;
  if (options.tsdb_wal_segment_bytes != 0) db.wal_segment_bytes = options.tsdb_wal_segment_bytes;
  db.wal_compression =
      WalCompressionOf(options.tsdb_wal_compression, options.tsdb_wal_compression_type);
  db.wal_fsync_on_ack = options.wal_fsync == "ack";
  db.use_lock_file = !options.tsdb_no_lockfile;
  if (options.min_block_duration_ms > 0) db.min_block_duration_ms = options.min_block_duration_ms;
  db.max_block_duration_ms = options.max_block_duration_ms;
  db.retention_time_ms = retention.time_ms;
  db.retention_size_bytes = retention.size_bytes;
  db.out_of_order_window_ms = config.tsdb.out_of_order_time_window_ms;
  db.start_zeros = ground.features.start_zeros;
  db.xor2 = config.tsdb.xor2;
  db.samples_per_chunk =
      static_cast<uint32_t>(std::min<int64_t>(options.samples_per_chunk, 10'000));
  db.max_exemplars = ground.features.exemplar_storage ? config.max_exemplars : 0;
  return db;
}

promql::EngineOptions MakeEngineOptions(const Ground& ground, const config::Config& config) {
  const Options& options = ground.options;
  promql::EngineOptions engine;
  engine.lookback_delta_ms = options.query_lookback_delta_ms;
  engine.timeout_ms = options.query_timeout_ms;
  engine.default_step_ms = config.global.evaluation_interval_ms;
  engine.max_samples = static_cast<uint64_t>(std::max<int64_t>(options.query_max_samples, 0));
  engine.max_bytes = options.query_max_bytes;
  engine.max_series = static_cast<uint64_t>(std::max<int64_t>(options.query_max_series, 0));
  engine.max_concurrency = static_cast<size_t>(options.query_max_concurrency);
  engine.features = ground.features.promql;
  return engine;
}

// A server that cannot keep it answers all the same.
std::unique_ptr<promql::ActiveQueryFile> OpenQueryFile(const Ground& ground) {
  auto file = promql::ActiveQueryFile::Open(
      ground.options.tsdb_path,
      static_cast<size_t>(std::clamp<int64_t>(ground.options.query_max_concurrency, 1, 10'000)));
  if (file) return *std::move(file);
  LOG_WARN("Active queries are not kept on disk", kv("err", file.error()));
  return nullptr;
}

class Server final : public Role {
 public:
  Server(const Ground& ground, const config::Config& config, Retention retention,
         std::unique_ptr<tsdb::Db> db)
      : ground_(ground),
        retention_(retention),
        db_(std::move(db)),
        query_file_(OpenQueryFile(ground)),
        query_log_(ground.fs, ground.metrics),
        engine_(promql::ObserveEngine(
            promql::Engine::Create(MakeEngineOptions(ground, config), ground.pool, ground.metrics),
            {&active_queries_, query_file_.get(), &query_log_, &ground.clock})),
        collector_(ground.options, *db_, ground.fs, ground.clock, ground.pool, ground.metrics) {
    if (ground.options.enable_write_receiver) {
      receiver_ = remote::WriteHandler::Create(ReceiverOptions(ground.options, ground.features),
                                               *db_, ground.clock, ground.metrics);
    }
  }

  void Offer(web::Services* services) override {
    services->pool = &ground_.pool;
    services->engine = engine_.get();
    services->queryable = db_.get();
    services->scrape = collector_.scrape();
    services->write = receiver_.get();
    services->db = db_.get();
    services->active_queries = &active_queries_;
    services->replay_progress = [this] { return db_->progress(); };
    services->storage_retention = [this] {
      base::MutexLock lock(retention_mutex_);
      return RetentionText(retention_);
    };
  }

  base::Status Replay() override { return db_->Replay(); }

  std::vector<Applier> Begin() override {
    collector_.OpenSender(db_->wal_source(), ground_.options.tsdb_path);
    std::vector<Applier> appliers;
    appliers.push_back({"db_storage", [this](const std::shared_ptr<const config::Config>& config) {
                          return ApplyStorage(*config);
                        }});
    appliers.push_back(collector_.SenderApplier());
    appliers.push_back(
        {"query_engine", [this](const std::shared_ptr<const config::Config>& config) {
           engine_->SetDefaultStep(config->global.evaluation_interval_ms);
           return query_log_.SetFile(config->global.query_log_file);
         }});
    for (Applier& applier : collector_.ScrapeAppliers()) appliers.push_back(std::move(applier));
    return appliers;
  }

  void StopCollecting() override { collector_.Stop(); }

  base::Status Close() override { return db_->Close(); }

 private:
  base::Status ApplyStorage(const config::Config& config) {
    db_->SetOutOfOrderWindow(config.tsdb.out_of_order_time_window_ms);
    if (receiver_) receiver_->SetOutOfOrderWindow(config.tsdb.out_of_order_time_window_ms);
    db_->SetXor2(config.tsdb.xor2);
    db_->SetMaxExemplars(ground_.features.exemplar_storage ? config.max_exemplars : 0);
    ASSIGN_OR_RETURN(const Retention retention,
                     ComputeRetention(config.tsdb, ground_.fs, ground_.options.tsdb_path));
    ASSIGN_OR_RETURN(std::vector<tsdb::SelectorRetention> rules,
                     LoadSelectorRetention(ground_.fs, ground_.options.fleet_config_file));
    db_->SetRetention(retention.time_ms, retention.size_bytes);
    db_->SetSelectorRetention(std::move(rules));
    base::MutexLock lock(retention_mutex_);
    retention_ = retention;
    return {};
  }

  const Ground ground_;
  base::Mutex retention_mutex_;
  Retention retention_ TB_GUARDED_BY(retention_mutex_);
  const std::unique_ptr<tsdb::Db> db_;
  promql::ActiveQueries active_queries_;
  const std::unique_ptr<promql::ActiveQueryFile> query_file_;  // null: could not be made
  promql::QueryLog query_log_;
  const std::unique_ptr<promql::Engine> engine_;
  std::unique_ptr<remote::WriteHandler> receiver_;
  Collector collector_;
};

}  // namespace

base::Result<std::unique_ptr<Role>> OpenServer(const Ground& ground, const config::Config& config) {
  const std::string& path = ground.options.tsdb_path;
  RETURN_IF_ERROR(ground.fs.CreateDirs(path));
  ASSIGN_OR_RETURN(const Retention retention, ComputeRetention(config.tsdb, ground.fs, path));
  ASSIGN_OR_RETURN(std::unique_ptr<tsdb::Db> db,
                   tsdb::Db::Open(MakeDbOptions(ground, config, retention), ground.fs, ground.clock,
                                  ground.pool, ground.metrics));
  return std::make_unique<Server>(ground, config, retention, std::move(db));
}

}  // namespace tributary::app
