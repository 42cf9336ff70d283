// ScrapeWriter: turns one page into one atomic batch of samples: series of known lines by their
// hash, new lines through label building, staleness markers for what vanished, and the target's
// report series. A line that stands where the last page had it is not parsed but for its value.
// Holds what a loop remembers between pages. One scrape at a time.
// Rules: prometheus scrape/scrape.go (append, report, updateStaleMarkers).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "model/labels.h"
#include "scrape/exposition.h"
#include "scrape/family_cache.h"
#include "scrape/line_cache.h"
#include "scrape/page_families.h"
#include "scrape/probe.h"
#include "scrape/sample_labels.h"
#include "scrape/shedding.h"
#include "storage/appender.h"
#include "wire/text_parser.h"

namespace tributary::scrape {

// One fetched page, or why there is none.
struct Page {
  base::Status fetched;
  std::string_view content_type;
  std::string_view body;
  model::Timestamp t = 0;  // of samples without a timestamp of their own
  int64_t now_ms = 0;
  double duration_seconds = 0;
  int64_t timeout_ms = 0;
};

class ScrapeWriter {
 public:
  // All references are borrowed and outlive it.
  ScrapeWriter(const config::ScrapeConfig& config, const PageOptions& options,
               const model::Labels& target_labels, storage::Appendable& storage, Probe& probe,
               FamilyCache& families, Shedding& shedding);

  // Stores the page. The status is the scrape's: what stands in `lastError` of the target, also
  // when storing up=0 went well.
  base::Status Write(const Page& page);

  // Staleness markers for all that is alive, report series included: the target is gone.
  void WriteEndOfRun(model::Timestamp t);

  const FamilyList& families() const { return families_.list(); }

  // Thread-safe. A throttled one takes no series that it does not know.
  void Throttle(bool throttled) { throttled_.store(throttled); }
  bool throttled() const { return throttled_.load(); }
  size_t series() const { return num_series_.load(); }

 private:
  struct Counts {
    uint64_t scraped = 0;
    uint64_t kept = 0;      // not dropped by relabelling
    uint64_t appended = 0;  // of those, not repeated: what sample_limit limits
    uint64_t added = 0;     // new series
  };
  enum class Attempt : unsigned char { kDone, kForgetAndRetry };

  base::Result<Attempt> TryWrite(const Page& page, base::Status* scrape_status);
  base::Status ReadPage(const Page& page, storage::Appender* app, Counts* counts);
  // Reads on as long as the page is as the last one was.
  void ReadKnown(wire::ExpositionParser* parser, const Page& page, Counts* counts);
  // A sample or histogram with a text never seen, or out of its place.
  base::Status OnEntry(wire::ExpositionParser* parser, wire::EntryKind kind, const Page& page,
                       storage::Appender* app, Counts* counts);
  // Notes that the page has the line. The time under which its sample is stored; nothing: not.
  std::optional<model::Timestamp> Take(LineCache::Line* line,
                                       std::optional<model::Timestamp> timestamp, const Page& page,
                                       Counts* counts);
  base::Status TakeHistogram(wire::ExpositionParser* parser, model::SeriesRef ref,
                             model::Timestamp t, model::Timestamp start, storage::Appender* app);
  void TakeExemplars(wire::ExpositionParser* parser, model::SeriesRef ref, model::Timestamp t,
                     storage::Appender* app);
  base::Result<model::SeriesRef> NewSeries(wire::ExpositionParser* parser, storage::Appender* app);
  base::Status CollectFamilies(const Page& page);
  base::Status AddReport(const Page& page, bool up, const Counts& counts, storage::Appender* app);
  base::Status AddReportSample(size_t which, std::string_view name, model::Timestamp t, double v,
                               storage::Appender* app);
  // Hands the staged samples over. False: the store forgot series we remember.
  base::Result<bool> AppendStaged(size_t page_samples, storage::Appender* app);

  const config::ScrapeConfig& config_;
  const PageOptions options_;
  const int32_t max_schema_;  // finer native histograms are merged down to it
  storage::Appendable& storage_;
  Probe& probe_;
  Shedding& shedding_;
  SampleLabels sample_labels_;

  LineCache lines_;
  PageFamilies families_;
  static constexpr size_t kReports = 8;
  std::array<model::SeriesRef, kReports> report_refs_{};

  std::atomic<bool> throttled_{false};
  std::atomic<size_t> num_series_{0};  // lines that the last page had

  // Of the page being read.
  bool over_bucket_limit_ = false;
  bool forgotten_ = false;  // the store does not know a series of ours any more
};

}  // namespace tributary::scrape
