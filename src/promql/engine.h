// Engine: parses, plans and runs queries under budgets. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/threads.h"
#include "promql/query_profile.h"
#include "promql/value.h"
#include "storage/querier.h"

namespace tributary::promql {

// --enable-feature switches that concern the language.
struct Features {
  bool experimental_functions = false;
  bool extended_range_selectors = false;
  bool binop_fill_modifiers = false;
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
  bool type_and_unit_labels = false;
};

struct EngineOptions {
  int64_t lookback_delta_ms = 300'000;
  int64_t timeout_ms = 120'000;
  int64_t default_step_ms = 60'000;  // of subqueries without a step: global evaluation_interval
  uint64_t max_samples = 50'000'000;
  uint64_t max_bytes = 0;   // of memory held by one query; 0: in proportion to max_samples
  uint64_t max_series = 0;  // read by one query; 0: no limit
  size_t max_concurrency = 20;
  Features features;
};

// A running query as others see it: whoever asked keeps it alive until the query has ended, and may
// show the counters and set `cancel` from any thread meanwhile.
struct QueryProgress {
  std::atomic<bool> running{false};     // false: waits for its turn
  std::atomic<uint64_t> samples{0};     // looked at so far
  std::atomic<uint64_t> bytes{0};       // held now
  std::atomic<uint64_t> peak_bytes{0};  // the most held so far
  std::atomic<bool> cancel{false};      // true ends it with "query was canceled in …"
};

// Who asked: shown in the list of active queries and in the query log. Empty fields are not known.
struct QueryOrigin {
  std::string user;
  std::string client_ip, method, path;  // of an HTTP request
  std::string rule_file, rule_group;    // of a rule's evaluation
};

struct QueryOptions {
  int64_t lookback_delta_ms = 0;  // 0: the engine's
  int64_t timeout_ms = 0;         // 0: the engine's; never more than it
  // Looked at while the query runs; true ends it with "query was canceled in …".
  std::function<bool()> cancelled;
  QueryProgress* progress = nullptr;  // null: nobody watches
  std::function<void()> started;      // called once the query's turn has come; may be empty
  QueryOrigin origin;
  bool count_samples = false;   // fills QueryStats::samples_read; total_samples is exact
  bool per_step_stats = false;  // the same, and QueryStats::samples_per_step
  bool explain = false;         // fills QueryResult::profile
  bool grid = false;            // the answer to a range query is to be a Grid, not a Matrix
};

struct QueryStats {
  // A sample in the windows of several steps counts for each of them. Counted roughly, samples of
  // subqueries twice and histograms as one, unless asked for.
  uint64_t total_samples = 0;
  uint64_t samples_read = 0;  // counts once; 0 unless asked for
  uint64_t peak_samples = 0;
  uint64_t peak_bytes = 0;
  double eval_seconds = 0, sort_seconds = 0, prepare_seconds = 0, queue_seconds = 0;
  std::vector<uint64_t> samples_per_step;       // of total_samples; empty unless asked for
  std::vector<uint64_t> samples_read_per_step;  // likewise
};

struct QueryResult {
  Value value;
  Annotations annotations;
  QueryStats stats;
  std::unique_ptr<QueryProfile> profile;  // null unless asked for
};

// Error codes: kInvalidArgument for what is wrong with the text ("1:3: parse error: …") or the
// parameters; kExecution for what is wrong with this query over this data ("multiple matches for
// labels: …") and for exceeded budgets; kTimeout, kCancelled, kUnimplemented; kIo and kCorruption
// from the store; kInternal.
class Engine {
 public:
  // `pool` runs shards of big queries; `metrics` gets prometheus_engine_*.
  static std::unique_ptr<Engine> Create(EngineOptions options, base::ThreadPool& pool,
                                        base::MetricsRegistry& metrics);
  virtual ~Engine() = default;

  virtual base::Result<QueryResult> Instant(storage::Queryable& source, std::string_view query,
                                            model::Timestamp t, const QueryOptions& options) = 0;
  // REQUIRES: step_ms > 0, start <= end.
  virtual base::Result<QueryResult> Range(storage::Queryable& source, std::string_view query,
                                          model::Timestamp start, model::Timestamp end,
                                          int64_t step_ms, const QueryOptions& options) = 0;
  virtual void SetDefaultStep(int64_t step_ms) = 0;
  virtual const EngineOptions& options() const = 0;
};

// Parses `{…}` or `name{…}` as the API's match[] parameter does.
base::Result<std::vector<model::Matcher>> ParseMetricSelector(std::string_view text);

}  // namespace tributary::promql
