// ScrapeWriter: turns one page into one atomic batch of samples: series of known lines by their
// hash, new lines through label building, staleness markers for what vanished, and the target's
// report series. Holds what a loop remembers between pages. One scrape at a time.
// Rules: prometheus scrape/scrape.go (append, report, updateStaleMarkers).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "model/labels.h"
#include "scrape/family_cache.h"
#include "scrape/line_cache.h"
#include "scrape/probe.h"
#include "scrape/sample_labels.h"
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
  // All are borrowed and outlive it.
  ScrapeWriter(const config::ScrapeConfig& config, const model::Labels& target_labels,
               storage::Appendable& storage, Probe& probe, FamilyCache& families);

  // Stores the page. The status is the scrape's: what stands in `lastError` of the target, also
  // when storing up=0 went well.
  base::Status Write(const Page& page);

  // Staleness markers for all that is alive, report series included: the target is gone.
  void WriteEndOfRun(model::Timestamp t);

  const FamilyList& families() const { return families_; }

 private:
  struct Counts {
    uint64_t scraped = 0;
    uint64_t kept = 0;
    uint64_t added = 0;
  };
  enum class Attempt : unsigned char { kDone, kForgetAndRetry };

  base::Result<Attempt> TryWrite(const Page& page, base::Status* scrape_status);
  base::Status ReadPage(const Page& page, storage::Appender* app, Counts* counts);
  base::Status OnSample(wire::ExpositionParser* parser, const Page& page, storage::Appender* app,
                        Counts* counts);
  base::Result<model::SeriesRef> NewSeries(wire::ExpositionParser* parser, storage::Appender* app);
  void OnFamily(const wire::ExpositionParser& parser, wire::EntryKind kind);
  void FinishFamilies();
  base::Status AddReport(const Page& page, bool up, const Counts& counts, storage::Appender* app);
  base::Status AddReportSample(size_t which, std::string_view name, model::Timestamp t, double v,
                               storage::Appender* app);
  // Hands the staged samples over. False: the store forgot series we remember.
  base::Result<bool> AppendStaged(size_t page_samples, storage::Appender* app);

  const config::ScrapeConfig& config_;
  storage::Appendable& storage_;
  Probe& probe_;
  FamilyCache& family_cache_;
  SampleLabels sample_labels_;

  LineCache lines_;
  static constexpr size_t kReports = 8;
  std::array<model::SeriesRef, kReports> report_refs_{};

  // Families of the page being read and of the last good one.
  struct OpenFamily {
    std::string name;
    model::Metadata metadata;
  };
  std::vector<OpenFamily> page_families_;
  uint64_t page_families_hash_ = 0;
  uint64_t families_hash_ = 0;
  FamilyList families_;
};

}  // namespace tributary::scrape
