// config: prometheus.yml as checked, immutable structs. Unset values are filled with Prometheus's
// defaults, inheritance from `global` is resolved, relative paths are absolute, regexps are
// compiled: who holds a Config never checks again.
//
// LoadConfig is strict: an unknown field, a wrong type, a bad duration or regexp is an error that
// names file, line and field and says what was expected. A field that Prometheus knows and we do
// not serve yet is accepted, and named in Config::unserved for a warning at start.
// Source of fields and defaults: Prometheus config/config.go, prometheus/common config.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "net/http_client.h"

namespace tributary::config {

enum class ScrapeProtocol : unsigned char {
  kPrometheusProto,
  kOpenMetricsText1_0_0,
  kOpenMetricsText0_0_1,
  kPrometheusText1_0_0,
  kPrometheusText0_0_4,
};

enum class NameValidation : unsigned char { kUtf8, kLegacy };
enum class NameEscaping : unsigned char { kAllowUtf8, kUnderscores, kDots, kValues };

// Limits are 0 when unlimited.
struct ScrapeLimits {
  uint64_t body_size_limit = 0;  // bytes, unpacked
  uint64_t sample_limit = 0;
  uint64_t target_limit = 0;
  uint64_t label_limit = 0;
  uint64_t label_name_length_limit = 0;
  uint64_t label_value_length_limit = 0;
  uint64_t keep_dropped_targets = 0;
  uint64_t native_histogram_bucket_limit = 0;
  double native_histogram_min_bucket_factor = 0;
  friend bool operator==(const ScrapeLimits&, const ScrapeLimits&) = default;
};

// A set of targets with shared labels, as discovery delivers it. `source` names the origin; a later
// group with the same source replaces it, one without targets removes it.
struct TargetGroup {
  std::vector<model::Labels> targets;  // each has __address__
  model::Labels labels;
  std::string source;
  friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

struct StaticSdConfig {
  std::vector<TargetGroup> groups;
  friend bool operator==(const StaticSdConfig&, const StaticSdConfig&) = default;
};
struct FileSdConfig {
  std::vector<std::string> files;
  int64_t refresh_interval_ms = 300'000;
  friend bool operator==(const FileSdConfig&, const FileSdConfig&) = default;
};
struct HttpSdConfig {
  std::string url;
  int64_t refresh_interval_ms = 60'000;
  net::HttpClientOptions http;
  friend bool operator==(const HttpSdConfig&, const HttpSdConfig&) = default;
};
struct DnsSdConfig {
  std::vector<std::string> names;
  std::string type = "SRV";
  uint16_t port = 0;
  int64_t refresh_interval_ms = 30'000;
  friend bool operator==(const DnsSdConfig&, const DnsSdConfig&) = default;
};
struct KubernetesSdConfig {
  struct Selector {
    std::string role, label, field;
    friend bool operator==(const Selector&, const Selector&) = default;
  };
  std::string role;
  std::string api_server;
  std::string kubeconfig_file;
  bool own_namespace = false;
  std::vector<std::string> namespaces;
  std::vector<Selector> selectors;
  bool attach_node = false, attach_namespace = false;
  bool attach_deployment = false, attach_job = false, attach_cronjob = false;
  net::HttpClientOptions http;
  friend bool operator==(const KubernetesSdConfig&, const KubernetesSdConfig&) = default;
};
using SdConfig =
    std::variant<StaticSdConfig, FileSdConfig, HttpSdConfig, DnsSdConfig, KubernetesSdConfig>;

struct ScrapeConfig {
  std::string job_name;
  int64_t scrape_interval_ms = 60'000;
  int64_t scrape_timeout_ms = 10'000;
  std::vector<ScrapeProtocol> scrape_protocols;  // never empty, in order of preference
  std::optional<ScrapeProtocol> fallback_scrape_protocol;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  bool scrape_native_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  bool always_scrape_classic_histograms = false;
  bool extra_scrape_metrics = false;
  NameValidation name_validation = NameValidation::kUtf8;
  NameEscaping name_escaping = NameEscaping::kAllowUtf8;
  std::map<std::string, std::vector<std::string>> params;
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::string scrape_failure_log_file;
  ScrapeLimits limits;
  net::HttpClientOptions http;
  std::vector<SdConfig> sd_configs;
  model::Relabeler relabel_configs;
  model::Relabeler metric_relabel_configs;
  friend bool operator==(const ScrapeConfig&, const ScrapeConfig&) = default;
};

struct QueueConfig {
  uint64_t capacity = 10'000;
  uint64_t max_shards = 50;
  uint64_t min_shards = 1;
  uint64_t max_samples_per_send = 2'000;
  bool max_samples_per_send_is_default = true;  // a sender may take more
  int64_t batch_send_deadline_ms = 5'000;
  int64_t min_backoff_ms = 30;
  int64_t max_backoff_ms = 5'000;
  bool retry_on_http_429 = false;
  int64_t sample_age_limit_ms = 0;
  friend bool operator==(const QueueConfig&, const QueueConfig&) = default;
};

struct MetadataConfig {
  bool send = true;
  int64_t send_interval_ms = 60'000;
  uint64_t max_samples_per_send = 2'000;
  friend bool operator==(const MetadataConfig&, const MetadataConfig&) = default;
};

enum class WriteMessage : unsigned char { kV1, kV2 };

struct RemoteWriteConfig {
  std::string url;
  // Never empty: when unset, the first 6 hex digits of a hash over what makes the destination one
  // (URL and headers), so that tuning a queue does not lose its place; over all of it where two
  // would be called the same.
  std::string name;
  int64_t remote_timeout_ms = 30'000;
  WriteMessage protobuf_message = WriteMessage::kV1;
  // Not set: 2.0 is used where the receiver offers it.
  bool protobuf_message_is_default = true;
  std::map<std::string, std::string> headers;
  model::Relabeler write_relabel_configs;
  bool send_exemplars = false;
  bool send_native_histograms = false;
  bool round_robin_dns = false;
  bool failed_request_logging = false;
  net::HttpClientOptions http;
  QueueConfig queue;
  MetadataConfig metadata;
  friend bool operator==(const RemoteWriteConfig&, const RemoteWriteConfig&) = default;
};

struct TsdbConfig {
  int64_t out_of_order_time_window_ms = 0;
  double stale_series_compaction_threshold = 0;  // not served yet
  std::string float_encoding = {};               // as the file names it: "", "xor" or "xor2"
  bool xor2 = false;                             // what follows from it, or from a feature
  int64_t retention_time_ms = 0;                 // 0: not limited
  uint64_t retention_size_bytes = 0;             // 0: not limited
  double retention_percentage = 0;
  friend bool operator==(const TsdbConfig&, const TsdbConfig&) = default;
};

struct GlobalConfig {
  int64_t scrape_interval_ms = 60'000;
  int64_t scrape_timeout_ms = 10'000;
  int64_t evaluation_interval_ms = 60'000;
  int64_t rule_query_offset_ms = 0;
  model::Labels external_labels;  // $VAR expanded
  std::string query_log_file;
  std::string scrape_failure_log_file;
  friend bool operator==(const GlobalConfig&, const GlobalConfig&) = default;
};

struct Config {
  GlobalConfig global;
  std::vector<ScrapeConfig> scrape_configs;  // scrape_config_files included
  std::vector<RemoteWriteConfig> remote_write;
  TsdbConfig tsdb;
  bool has_exemplars = false;  // storage.exemplars is there, or implied by a feature
  uint64_t max_exemplars = 100'000;
  std::vector<std::string> rule_files;           // globs, absolute
  std::vector<std::string> scrape_config_files;  // globs, absolute; what they hold is above
  bool has_alerting = false;
  bool has_remote_read = false;

  // "remote_read (line 12)": known to Prometheus, accepted, not served yet.
  std::vector<std::string> unserved;
  // The file with defaults filled in and secrets as <secret>, for /api/v1/status/config.
  std::string yaml;
};

struct LoadOptions {
  bool agent = false;  // the agent's rules: no alerting, rule_files or remote_read
  // Defaults that --enable-feature changes.
  bool extra_scrape_metrics = false;
  bool proto_first = false;  // PrometheusProto leads the scrape protocols
  bool xor2 = false;
  bool exemplar_storage = false;
  // What is kept unless the file has a `storage.tsdb.retention`; 0 is not limited.
  int64_t retention_time_ms = 15ll * 24 * 3'600'000;
  uint64_t retention_size_bytes = 0;
};

base::Result<std::shared_ptr<const Config>> LoadConfig(base::FileSystem& fs,
                                                       const std::string& path,
                                                       const LoadOptions& options);
// As LoadConfig for text; `dir` resolves relative paths, `name` stands in errors.
base::Result<std::shared_ptr<const Config>> ParseConfig(base::FileSystem& fs, std::string_view text,
                                                        const std::string& name,
                                                        const std::string& dir,
                                                        const LoadOptions& options);

inline base::Result<std::shared_ptr<const Config>> LoadConfig(base::FileSystem& fs,
                                                              const std::string& path, bool agent) {
  return LoadConfig(fs, path, LoadOptions{.agent = agent});
}
inline base::Result<std::shared_ptr<const Config>> ParseConfig(base::FileSystem& fs,
                                                               std::string_view text,
                                                               const std::string& name,
                                                               const std::string& dir, bool agent) {
  return ParseConfig(fs, text, name, dir, LoadOptions{.agent = agent});
}

}  // namespace tributary::config
