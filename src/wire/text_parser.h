// Prometheus text exposition format 0.0.4, strict where Prometheus is
// (model/textparse/promparse.go): UTF-8 names in quotes, HELP/TYPE, int timestamps, no CRLF.
//
// A pull parser over a body the caller keeps alive. Next() yields entries in order; for a sample,
// series_text() is the raw bytes of name and labels, by which a scrape cache recognises a line it
// has seen without parsing its labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace tributary::wire {

enum class EntryKind : unsigned char {
  kEnd,
  kSample,
  kHistogram,  // a native histogram: series_text(), timestamp(), Labels(), Histogram()
  kType,
  kHelp,
  kUnit,
  kComment
};

// A sample of a series that the reader knows.
struct KnownSample {
  double value = 0;
  std::optional<model::Timestamp> timestamp;
  std::string_view rest;  // what is not yet read
};

// Shared by the text formats so that scraping does not care which one it reads.
class ExpositionParser {
 public:
  virtual ~ExpositionParser() = default;
  // kEnd at the end. An error names line and what was expected; parsing cannot go on after it.
  virtual base::Result<EntryKind> Next() = 0;

  // After kSample:
  virtual std::string_view series_text() const = 0;
  virtual double value() const = 0;
  virtual std::optional<model::Timestamp> timestamp() const = 0;
  // Name (as __name__) and labels of the sample, unescaped, sorted by name, empty values dropped;
  // `le` and `quantile` of histogram and summary families in OpenMetrics float form. Duplicate
  // names are an error. The views live until the next Next().
  virtual base::Status Labels(std::vector<model::Label>* out) = 0;
  // The exemplar number `index` of the sample or histogram; false when it has not that many.
  // Those of native histograms always have a timestamp.
  virtual bool Exemplar(size_t index, model::Exemplar* out) const = 0;
  bool Exemplar(model::Exemplar* out) const { return Exemplar(0, out); }
  // When the counter behind the sample or histogram started, if the page tells; 0: not known.
  virtual model::Timestamp start_timestamp() { return 0; }
  // After kHistogram: fills `h`, or `fh` with *is_float set. The text formats have none.
  virtual bool Histogram(model::Histogram* /*h*/, model::FloatHistogram* /*fh*/,
                         bool* /*is_float*/) const {
    return false;
  }

  // Reading on without parsing what the last page held already; for formats made of lines.
  // The bytes not yet read; empty where this way of reading is not served.
  virtual std::string_view rest() const { return {}; }
  // Reads the sample at the start of rest(), as Next() would, given that its first `size` bytes are
  // a series text Next() has read before; it has neither exemplars nor a start. False: nothing was
  // read, Next() must. What is to be called after kSample tells nothing of it.
  virtual bool NextKnown(size_t /*size*/, KnownSample* /*sample*/) { return false; }
  // Passes over the first `size` bytes of rest(), a metadata or comment line with its newline that
  // Next() has read before and that left type() as `type`.
  virtual void PassKnown(size_t /*size*/, model::MetricType /*type*/) {}

  // After kType, kHelp, kUnit: the family they speak of, and what they say (unescaped).
  virtual std::string_view family() const = 0;
  virtual model::MetricType type() const = 0;
  virtual std::string_view text() const = 0;
};

std::unique_ptr<ExpositionParser> NewTextParser(std::string_view body);
// OpenMetrics 1.0 text (open_metrics_parser.cc): `# EOF`, UNIT, exemplars, float seconds. With
// `start_timestamps`, the _created lines of counters, histograms and summaries are no samples but
// what start_timestamp() tells; otherwise start_timestamp() is always 0.
std::unique_ptr<ExpositionParser> NewOpenMetricsParser(std::string_view body,
                                                       bool start_timestamps = false);

}  // namespace tributary::wire
