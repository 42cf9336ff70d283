#include "app/flag_table.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "config/size_text.h"

namespace tributary::app {
namespace {

using enum FlagMode;
using enum FlagEffect;
using O = Options;

constexpr std::string_view kConfig = "Configuration";
constexpr std::string_view kWeb = "HTTP server";
constexpr std::string_view kTsdb = "Server storage";
constexpr std::string_view kAgentStore = "Agent storage";
constexpr std::string_view kRemote = "Remote write and read";
constexpr std::string_view kQuery = "Queries";
constexpr std::string_view kRules = "Rules and alerts";
constexpr std::string_view kScrape = "Scraping";
constexpr std::string_view kProcess = "Process";

constexpr std::string_view kMessages = "prometheus.WriteRequest,io.prometheus.write.v2.Request";
constexpr std::string_view kTitle = "Prometheus Time Series Collection and Processing Server";

// clang-format off: one row, one flag.
const FlagRow kRows[] = {
  {kConfig, "config.file", TextFlag{&O::config_file}, "prometheus.yml", "Configuration file, in the format of Prometheus."},
  {kConfig, "config.auto-reload", BoolFlag{&O::auto_reload}, "false", "Reload when the configuration or a file it names changes."},
  {kConfig, "config.auto-reload-interval", DurationFlag{&O::auto_reload_interval_ms}, "30s", "How often --config.auto-reload looks; at least 1s."},
  {kConfig, "fleet.config.file", TextFlag{&O::fleet_config_file}, "", "Settings that Prometheus does not know: retention by selector. Read again at a reload.", kServer},
  {kConfig, "enable-feature", ListFlag{&O::features}, "", "Feature names to enable, comma separated. Can be repeated."},
  {kConfig, "agent", BoolFlag{&O::agent}, "false", "Agent mode: scrape, keep a WAL, remote write; no queries."},

  {kWeb, "web.listen-address", ListFlag{&O::listen_addresses}, "0.0.0.0:9090", "Address to listen on. Can be repeated."},
  {kWeb, "web.config.file", TextFlag{&O::web_config_file}, "", "TLS and basic auth settings; read again when it changes."},
  {kWeb, "web.read-timeout", DurationFlag{&O::read_timeout_ms}, "5m", "Longest time to read a request, and to keep an idle connection."},
  {kWeb, "web.max-connections", IntFlag{&O::max_connections}, "512", "Most simultaneous connections, over all addresses."},
  {kWeb, "web.max-notifications-subscribers", IntFlag{&O::max_notification_subscribers}, "16", "Most subscribers to live notifications."},
  {kWeb, "web.external-url", TextFlag{&O::external_url}, "", "URL under which this server is reached from outside; derived when empty."},
  {kWeb, "web.route-prefix", TextFlag{&O::route_prefix}, "", "Prefix of all routes; the path of --web.external-url when empty."},
  {kWeb, "web.user-assets", TextFlag{&O::user_assets}, "", "Directory served below /user.", kBoth, kNotYet},
  {kWeb, "web.enable-lifecycle", BoolFlag{&O::enable_lifecycle}, "false", "Allow /-/reload and /-/quit."},
  {kWeb, "web.enable-admin-api", BoolFlag{&O::enable_admin_api}, "false", "Allow /api/v1/admin/tsdb."},
  {kWeb, "web.enable-remote-write-receiver", BoolFlag{&O::enable_write_receiver}, "false", "Accept remote write requests on /api/v1/write."},
  {kWeb, "web.remote-write-receiver.accepted-protobuf-messages", ListFlag{&O::write_receiver_messages, kMessages}, kMessages, "Remote write messages to accept. Can be repeated."},
  {kWeb, "web.enable-otlp-receiver", BoolFlag{&O::enable_otlp_receiver}, "false", "Accept OTLP metrics on /api/v1/otlp/v1/metrics.", kBoth, kNotYet},
  {kWeb, "web.console.templates", TextFlag{&O::console_templates}, "consoles", "Directory of console templates.", kBoth, kNothing},
  {kWeb, "web.console.libraries", TextFlag{&O::console_libraries}, "console_libraries", "Directory of console libraries.", kBoth, kNothing},
  {kWeb, "web.page-title", TextFlag{&O::page_title}, kTitle, "Title of the web pages."},
  {kWeb, "web.cors.origin", TextFlag{&O::cors_origin}, ".*", "Regexp for CORS origins, fully anchored."},
  {kWeb, "web.search.max-limit", IntFlag{&O::search_max_limit}, "10000", "Highest limit a search may ask for; 0: none.", kServer},

  {kTsdb, "storage.tsdb.path", TextFlag{&O::tsdb_path}, "data/", "Directory for metrics.", kServer},
  {kTsdb, "storage.tsdb.retention.time", DurationFlag{&O::retention_time_ms}, "0s", "How long to keep samples; 15d when neither this nor the size is set. The configuration file wins.", kServer},
  {kTsdb, "storage.tsdb.retention.size", SizeFlag{&O::retention_size_bytes}, "0B", "Most bytes of blocks to keep, with unit (512MB). The configuration file wins.", kServer},
  {kTsdb, "storage.tsdb.wal-fsync", TextFlag{&O::wal_fsync, "interval,ack"}, "interval", "ack: what was acknowledged survives power loss; interval: it survives a crash of the process.", kServer},
  {kTsdb, "storage.tsdb.no-lockfile", BoolFlag{&O::tsdb_no_lockfile}, "false", "Do not create a lock file in the data directory.", kServer},
  {kTsdb, "storage.tsdb.head-chunks-write-queue-size", IntFlag{&O::head_chunks_write_queue_size}, "0", "Queue to the disk for full head chunks.", kServer, kNothing},
  {kTsdb, "storage.tsdb.delay-compact-file.path", TextFlag{&O::delay_compact_file}, "", "JSON file of uploaded blocks; others are not compacted.", kServer, kNotYet},
  {kTsdb, "storage.tsdb.min-block-duration", DurationFlag{&O::min_block_duration_ms}, "2h", "Time a new block spans.", kServer, kServed, true},
  {kTsdb, "storage.tsdb.max-block-duration", DurationFlag{&O::max_block_duration_ms}, "0s", "Most time a compacted block spans; 0: a tenth of the retention, at most 31d.", kServer, kServed, true},
  {kTsdb, "storage.tsdb.max-block-chunk-segment-size", SizeFlag{&O::max_block_chunk_segment_bytes}, "0B", "Most bytes of one chunk file of a block.", kServer, kNotYet, true},
  {kTsdb, "storage.tsdb.wal-segment-size", SizeFlag{&O::tsdb_wal_segment_bytes}, "0B", "Size of WAL files, 10MB to 256MB; 0: 128MB.", kServer, kServed, true},
  {kTsdb, "storage.tsdb.wal-compression", BoolFlag{&O::tsdb_wal_compression}, "true", "Compress the WAL.", kServer, kServed, true},
  {kTsdb, "storage.tsdb.wal-compression-type", TextFlag{&O::tsdb_wal_compression_type, "snappy,zstd"}, "snappy", "How the WAL is compressed.", kServer, kServed, true},
  {kTsdb, "storage.tsdb.allow-overlapping-compaction", BoolFlag{&O::allow_overlapping_compaction}, "true", "Merge blocks that overlap.", kServer, kNotYet, true},
  {kTsdb, "storage.tsdb.samples-per-chunk", IntFlag{&O::samples_per_chunk}, "120", "Samples a chunk aims at.", kServer, kServed, true},
  {kTsdb, "storage.tsdb.delayed-compaction.max-percent", IntFlag{&O::delayed_compaction_max_percent}, "10", "Most delay of a compaction, as percentage of the head's range.", kServer, kNotYet, true},
  {kTsdb, "storage.tsdb.block-reload-interval", DurationFlag{&O::block_reload_interval_ms}, "1m", "How often to look for blocks put there by others.", kServer, kNotYet, true},

  {kAgentStore, "storage.agent.path", TextFlag{&O::agent_path}, "data-agent/", "Directory for the WAL.", kAgent},
  {kAgentStore, "storage.agent.wal-compression", BoolFlag{&O::agent_wal_compression}, "true", "Compress the WAL while a destination is behind.", kAgent},
  {kAgentStore, "storage.agent.wal-compression-type", TextFlag{&O::agent_wal_compression_type, "snappy,zstd"}, "snappy", "How the WAL is compressed.", kAgent, kServed, true},
  {kAgentStore, "storage.agent.wal-segment-size", SizeFlag{&O::agent_wal_segment_bytes}, "0B", "Size of WAL files, 10MB to 256MB; 0: 128MB.", kAgent, kServed, true},
  {kAgentStore, "storage.agent.wal-truncate-frequency", DurationFlag{&O::agent_truncate_frequency_ms}, "0s", "How often old WAL is dropped; 0: 2h.", kAgent, kServed, true},
  {kAgentStore, "storage.agent.retention.min-time", DurationFlag{&O::agent_min_time_ms}, "5m", "Age below which samples are not too old to be sent, and series are kept.", kAgent},
  {kAgentStore, "storage.agent.retention.max-time", DurationFlag{&O::agent_max_time_ms}, "4h", "Age from which samples may be dropped though not sent.", kAgent},
  {kAgentStore, "storage.agent.max-bytes", SizeFlag{&O::agent_max_bytes}, "0B", "Most bytes of WAL segments, with unit (2GB): what is not sent beyond it is dropped; 0: no limit.", kAgent},
  {kAgentStore, "storage.agent.drop", TextFlag{&O::agent_drop, "oldest,newest"}, "oldest", "Which samples are dropped when the WAL has its most bytes. newest: what comes, for each remote_write whose part is full.", kAgent},
  {kAgentStore, "storage.agent.checkpoint-from-in-memory-series", BoolFlag{&O::checkpoint_from_memory}, "false", "Write checkpoints from memory.", kAgent, kNothing},
  {kAgentStore, "storage.agent.checkpoint-batch-size", IntFlag{&O::checkpoint_batch_size}, "1000", "Series in one record of such a checkpoint.", kAgent, kNothing},
  {kAgentStore, "storage.agent.no-lockfile", BoolFlag{&O::agent_no_lockfile}, "false", "Do not create a lock file in the data directory.", kAgent},

  {kRemote, "storage.remote.flush-deadline", DurationFlag{&O::remote_flush_deadline_ms}, "1m", "How long to go on sending at shutdown."},
  {kRemote, "storage.remote.read-sample-limit", IntFlag{&O::read_sample_limit}, "5e7", "Most samples one remote read returns; 0: no limit.", kServer},
  {kRemote, "storage.remote.read-concurrent-limit", IntFlag{&O::read_concurrent_limit}, "10", "Most remote reads at once; 0: no limit.", kServer},
  {kRemote, "storage.remote.read-max-bytes-in-frame", IntFlag{&O::read_max_bytes_in_frame}, "1048576", "Most bytes in one frame of a streamed remote read.", kServer},

  {kQuery, "query.lookback-delta", DurationFlag{&O::query_lookback_delta_ms}, "5m", "How far back an instant selector looks for a sample.", kServer},
  {kQuery, "query.timeout", DurationFlag{&O::query_timeout_ms}, "2m", "Most time one query may take.", kServer},
  {kQuery, "query.max-concurrency", IntFlag{&O::query_max_concurrency}, "20", "Most queries at once.", kServer},
  {kQuery, "query.max-samples", IntFlag{&O::query_max_samples}, "50000000", "Most samples one query may hold.", kServer},
  {kQuery, "query.max-bytes", SizeFlag{&O::query_max_bytes}, "0B", "Most memory one query may hold, with unit (2GB); 0: 64 B for each of query.max-samples.", kServer},
  {kQuery, "query.max-series", IntFlag{&O::query_max_series}, "0", "Most series one query may read; 0: no limit.", kServer},

  {kRules, "rules.alert.for-outage-tolerance", DurationFlag{&O::alert_outage_tolerance_ms}, "1h", "Longest outage after which the for state of alerts is restored.", kServer, kNotYet},
  {kRules, "rules.alert.for-grace-period", DurationFlag{&O::alert_grace_period_ms}, "10m", "Least time between a restored alert and its firing.", kServer, kNotYet},
  {kRules, "rules.alert.resend-delay", DurationFlag{&O::alert_resend_delay_ms}, "1m", "Least time before an alert is sent again.", kServer, kNotYet},
  {kRules, "rules.max-concurrent-evals", IntFlag{&O::rules_max_concurrent_evals}, "4", "Most rules evaluated at once.", kServer, kNotYet},
  {kRules, "alertmanager.notification-queue-capacity", IntFlag{&O::notification_queue_capacity}, "10000", "Notifications waiting for one Alertmanager.", kServer, kNotYet},
  {kRules, "alertmanager.notification-batch-size", IntFlag{&O::notification_batch_size}, "256", "Most notifications in one request.", kServer, kNotYet},
  {kRules, "alertmanager.drain-notification-queue-on-shutdown", BoolFlag{&O::drain_notification_queue}, "true", "Send what is waiting before ending.", kServer, kNotYet},

  {kScrape, "scrape.adjust-timestamps", BoolFlag{&O::adjust_timestamps}, "true", "Align scrape timestamps to the schedule, within the tolerance.", kBoth, kServed, true},
  {kScrape, "scrape.timestamp-tolerance", DurationFlag{&O::timestamp_tolerance_ms}, "2ms", "How far a timestamp may be moved.", kBoth, kServed, true},
  {kScrape, "scrape.discovery-reload-interval", DurationFlag{&O::discovery_reload_interval_ms}, "5s", "Least time between updates of the targets.", kBoth, kServed, true},

  {kProcess, "memory.limit", SizeFlag{&O::memory_limit_bytes}, "0B", "Memory this process may have, with unit (200MiB): near it the agent gives up metadata, then caches, then new series of the largest target; 0: no limit.", kAgent},
  {kProcess, "log.level", TextFlag{&O::log_level, "debug,info,warn,error"}, "info", "Least severe messages to log: debug, info, warn, error."},
  {kProcess, "log.format", TextFlag{&O::log_format, "logfmt,json"}, "logfmt", "logfmt or json."},
  {kProcess, "auto-gomaxprocs", BoolFlag{&O::auto_gomaxprocs}, "true", "Accepted for compatibility.", kBoth, kNothing},
  {kProcess, "auto-gomemlimit", BoolFlag{&O::auto_gomemlimit}, "true", "Accepted for compatibility.", kBoth, kNothing},
  {kProcess, "auto-gomemlimit.ratio", FloatFlag{&O::gomemlimit_ratio}, "0.9", "Accepted for compatibility.", kBoth, kNothing},
  {kProcess, "auto-gomemlimit.refresh-interval", DurationFlag{&O::gomemlimit_refresh_interval_ms}, "0s", "Accepted for compatibility.", kBoth, kNothing},
};
// clang-format on

base::Error Unexpected(std::string_view wanted, std::string_view got) {
  return base::InvalidArgument(fmt::format("expected {}, got {}", wanted, base::Quote(got)));
}

base::Status CheckChoice(std::string_view choices, std::string_view text) {
  if (choices.empty()) return {};
  for (const std::string_view choice : base::Split(choices, ',')) {
    if (choice == text) return {};
  }
  return Unexpected("one of " + std::string(choices), text);
}

struct Setter {
  std::string_view text;
  Options* options;

  base::Status operator()(const BoolFlag& flag) const {
    if (text != "true" && text != "false") return Unexpected("true or false", text);
    options->*flag.field = text == "true";
    return {};
  }
  base::Status operator()(const TextFlag& flag) const {
    RETURN_IF_ERROR(CheckChoice(flag.choices, text));
    options->*flag.field = text;
    return {};
  }
  base::Status operator()(const ListFlag& flag) const {
    auto& list = options->*flag.field;
    if (flag.choices.empty()) {
      list.emplace_back(text);
      return {};
    }
    for (const std::string_view part : base::Split(text, ',')) {
      RETURN_IF_ERROR(CheckChoice(flag.choices, part));
      if (std::ranges::find(list, part) != list.end()) {
        return base::InvalidArgument(fmt::format("{} is given twice", base::Quote(part)));
      }
      list.emplace_back(part);
    }
    return {};
  }
  base::Status operator()(const DurationFlag& flag) const {
    const auto value = base::ParseDurationMs(text);
    if (!value) return Unexpected("a duration like 30s or 1h30m", text);
    options->*flag.field = *value;
    return {};
  }
  base::Status operator()(const IntFlag& flag) const {
    if (const auto value = base::ParseInt(text)) {
      options->*flag.field = *value;
      return {};
    }
    // 5e7, as Prometheus's own defaults are written.
    const auto value = base::ParseFloat(text);
    const bool whole = value && *value >= -1e15 && *value <= 1e15 &&
                       *value == static_cast<double>(static_cast<int64_t>(*value));
    if (!whole) return Unexpected("a whole number", text);
    options->*flag.field = static_cast<int64_t>(*value);
    return {};
  }
  base::Status operator()(const FloatFlag& flag) const {
    const auto value = base::ParseFloat(text);
    if (!value) return Unexpected("a number", text);
    options->*flag.field = *value;
    return {};
  }
  base::Status operator()(const SizeFlag& flag) const {
    const auto value = base::ParseSize(text);
    if (!value) return Unexpected("a size with its unit like 512MB", text);
    options->*flag.field = *value;
    return {};
  }
};

struct Printer {
  const Options& options;

  std::string operator()(const BoolFlag& flag) const {
    return options.*flag.field ? "true" : "false";
  }
  std::string operator()(const TextFlag& flag) const { return options.*flag.field; }
  std::string operator()(const ListFlag& flag) const {
    return base::Join(options.*flag.field, ", ");
  }
  std::string operator()(const DurationFlag& flag) const {
    return base::FormatDurationMs(options.*flag.field);
  }
  std::string operator()(const IntFlag& flag) const { return std::to_string(options.*flag.field); }
  std::string operator()(const FloatFlag& flag) const {
    return base::FormatFloatG(options.*flag.field);
  }
  std::string operator()(const SizeFlag& flag) const {
    return config::FormatSize(options.*flag.field);
  }
};

}  // namespace

std::span<const FlagRow> FlagTable() { return kRows; }

const FlagRow* FindFlag(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &FlagRow::name);
  return row == std::end(kRows) ? nullptr : &*row;
}

base::Status SetFlag(const FlagRow& row, std::string_view text, Options* options) {
  return std::visit(Setter{text, options}, row.target);
}

void ClearFlag(const FlagRow& row, Options* options) {
  if (const auto* list = std::get_if<ListFlag>(&row.target)) (options->*list->field).clear();
}

std::string FlagText(const FlagRow& row, const Options& options) {
  return std::visit(Printer{options}, row.target);
}

}  // namespace tributary::app
