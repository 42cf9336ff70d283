// WriteHandler: takes remote write requests.
//
// Verdicts are per sample: good samples are committed whatever stands beside them, and the answer
// names the bad ones, capped and grouped by reason. Re-sent samples (same time, same value) count
// as written. A 1.0 series with invalid labels is skipped and counted, as in Prometheus, without an
// error. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "model/metadata.h"
#include "storage/appender.h"

namespace tributary::remote {

struct WriteRequest {
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view user;  // who sent it; "" when not authenticated
  std::string_view body;  // as received
};

struct WriteResponse {
  int status = 204;
  std::string error;  // plain text, empty on success
  // X-Prometheus-Remote-Write-*-Written; set on 2.0 requests (and on 1.0, where harmless).
  bool has_written = false;
  uint64_t samples_written = 0, histograms_written = 0, exemplars_written = 0;
  int64_t retry_after_seconds = 0;     // 0: no header
  std::string_view accepted_messages;  // write_offer.h; lives as long as the handler
  int64_t out_of_order_window_ms = 0;  // a sample so much older than the newest is still taken
};

struct WriteHandlerOptions {
  bool accept_v1 = true;
  bool accept_v2 = true;
  bool keep_starts = false;  // start timestamps go to the store with their samples
  size_t max_decoded_bytes = 32 << 20;
  // Bound of the table of known series; about 35 bytes a series.
  size_t max_cache_bytes = size_t{512} << 20;
};

class WriteHandler {
 public:
  static std::unique_ptr<WriteHandler> Create(WriteHandlerOptions options,
                                              storage::Appendable& storage,
                                              const base::Clock& clock,
                                              base::MetricsRegistry& metrics);
  virtual ~WriteHandler() = default;
  virtual WriteResponse Handle(const WriteRequest& request) = 0;
  // What answers say of it; the store does what it does.
  virtual void SetOutOfOrderWindow(int64_t ms) = 0;
  // What senders have said of their metric families, by name.
  virtual std::vector<std::pair<std::string, model::Metadata>> Families() const = 0;
};

}  // namespace tributary::remote
