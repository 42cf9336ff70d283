// What the command line says, as values. Defaults stand in flag_table.cc, one row a flag: an
// Options is only meaningful as ParseFlags() leaves it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tributary::app {

struct Options {
  bool agent = false;
  std::string log_level, log_format;
  std::vector<std::string> features;  // as given, each may hold several, comma separated

  std::string config_file;
  std::string fleet_config_file;
  bool auto_reload = false;
  int64_t auto_reload_interval_ms = 0;

  std::vector<std::string> listen_addresses;
  std::string web_config_file;
  int64_t read_timeout_ms = 0;
  int64_t max_connections = 0;
  int64_t max_notification_subscribers = 0;
  std::string external_url, route_prefix, user_assets, console_templates, console_libraries;
  std::string page_title, cors_origin;
  bool enable_lifecycle = false, enable_admin_api = false;
  bool enable_write_receiver = false, enable_otlp_receiver = false;
  std::vector<std::string> write_receiver_messages;
  int64_t search_max_limit = 0;

  std::string tsdb_path;
  int64_t retention_time_ms = 0;
  uint64_t retention_size_bytes = 0;
  bool tsdb_no_lockfile = false;
  int64_t min_block_duration_ms = 0, max_block_duration_ms = 0;
  uint64_t max_block_chunk_segment_bytes = 0, tsdb_wal_segment_bytes = 0;
  bool tsdb_wal_compression = true, allow_overlapping_compaction = true;
  std::string tsdb_wal_compression_type, wal_fsync, delay_compact_file;
  int64_t head_chunks_write_queue_size = 0, samples_per_chunk = 0;
  int64_t delayed_compaction_max_percent = 0, block_reload_interval_ms = 0;

  std::string agent_path;
  bool agent_wal_compression = true;
  std::string agent_wal_compression_type;
  std::string agent_drop;  // "oldest" or "newest"
  uint64_t agent_wal_segment_bytes = 0, agent_max_bytes = 0;
  int64_t agent_truncate_frequency_ms = 0, agent_min_time_ms = 0, agent_max_time_ms = 0;
  bool checkpoint_from_memory = false, agent_no_lockfile = false;
  int64_t checkpoint_batch_size = 0;

  int64_t remote_flush_deadline_ms = 0;
  int64_t read_sample_limit = 0, read_concurrent_limit = 0, read_max_bytes_in_frame = 0;

  int64_t query_lookback_delta_ms = 0, query_timeout_ms = 0;
  int64_t query_max_concurrency = 0, query_max_samples = 0, query_max_series = 0;
  uint64_t query_max_bytes = 0;

  int64_t alert_outage_tolerance_ms = 0, alert_grace_period_ms = 0, alert_resend_delay_ms = 0;
  int64_t rules_max_concurrent_evals = 0;
  int64_t notification_queue_capacity = 0, notification_batch_size = 0;
  bool drain_notification_queue = true;

  bool adjust_timestamps = true;
  int64_t timestamp_tolerance_ms = 0, discovery_reload_interval_ms = 0;

  uint64_t memory_limit_bytes = 0;
  bool auto_gomaxprocs = true, auto_gomemlimit = true;
  double gomemlimit_ratio = 0;
  int64_t gomemlimit_refresh_interval_ms = 0;
};

}  // namespace tributary::app
