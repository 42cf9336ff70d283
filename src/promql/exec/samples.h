// Samples: the raw samples of one series, decoded into arrays. SampleSource: the series whose raw
// samples selectors and range functions read, be they stored or made by a subquery.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"
#include "promql/exec/block.h"
#include "storage/querier.h"

namespace tributary::promql {

struct HistogramPoint {
  model::Timestamp t = 0;
  HistogramPtr h;
};

// Floats and histograms apart, each in strictly increasing order of time. A staleness marker is a
// float, whatever the series holds. Start timestamps (0: unknown) stand beside the samples, and
// only when asked for.
struct Samples {
  std::vector<int64_t> t;
  std::vector<double> v;
  std::vector<HistogramPoint> h;
  std::vector<int64_t> st;   // of floats
  std::vector<int64_t> hst;  // of histograms

  void Clear() {
    t.clear();
    v.clear();
    h.clear();
    st.clear();
    hst.clear();
  }
  bool empty() const { return t.empty() && h.empty(); }
  // Removes staleness markers.
  void DropStale();
};

// Memory for reading, one a thread.
struct ReadScratch {
  storage::ChunkBuffer buffer;
  std::vector<chunk::ChunkView> chunks;
  Samples samples;
  std::vector<double> values;
  std::vector<size_t> indices;
};

// Immutable, thread-safe.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual size_t size() const = 0;
  virtual model::Labels LabelsOf(size_t i) const = 0;
  virtual bool drop_name(size_t i) const = 0;
  virtual storage::LabelColumn Column(std::string_view label_name) const = 0;
  // The samples of series i in [mint, maxt] into `out`, which is cleared first.
  virtual base::Status Read(size_t i, model::Timestamp mint, model::Timestamp maxt,
                            ReadScratch* scratch, Samples* out) const = 0;
};

}  // namespace tributary::promql
