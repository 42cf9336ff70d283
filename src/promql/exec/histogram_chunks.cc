#include "promql/exec/histogram_chunks.h"

#include "chunk/histogram_reader.h"
#include "chunk/xor2_chunk.h"
#include "model/float_histogram.h"

namespace tributary::promql {

namespace {

base::Status ReadXor2(const chunk::ChunkView& view, model::Timestamp mint, model::Timestamp maxt,
                      bool start_timestamps, Samples* out) {
  chunk::Xor2Reader reader(view.data);
  while (reader.Next()) {
    if (reader.t() < mint) continue;
    if (reader.t() > maxt) break;
    out->t.push_back(reader.t());
    out->v.push_back(reader.v());
    if (start_timestamps) out->st.push_back(reader.start_time());
  }
  return reader.status();
}

}  // namespace

base::Status ReadChunk(const chunk::ChunkView& view, model::Timestamp mint, model::Timestamp maxt,
                       bool start_timestamps, Samples* out) {
  if (view.encoding == chunk::Encoding::kXor2) {
    return ReadXor2(view, mint, maxt, start_timestamps, out);
  }
  if (!chunk::IsHistogramEncoding(view.encoding)) {
    return base::Corruption("unknown chunk encoding " +
                            std::to_string(static_cast<int>(view.encoding)));
  }
  chunk::HistogramReader reader(view.encoding, view.data);
  while (reader.Next()) {
    const auto t = reader.t();
    if (t < mint) continue;
    if (t > maxt) break;
    if (reader.is_stale()) {
      out->t.push_back(t);
      out->v.push_back(model::StaleNaN());
      if (start_timestamps) out->st.push_back(reader.start_time());
      continue;
    }
    auto h = std::make_shared<model::FloatHistogram>();
    reader.Get(h.get());
    out->h.push_back({t, std::move(h)});
    if (start_timestamps) out->hst.push_back(reader.start_time());
  }
  return reader.status();
}

void StripBuckets(Samples* samples) {
  using model::CounterResetHint;
  HistogramPtr previous;
  for (auto& point : samples->h) {
    auto stripped = std::make_shared<model::FloatHistogram>();
    stripped->schema = point.h->schema;
    stripped->count = point.h->count;
    stripped->sum = point.h->sum;
    stripped->reset_hint = point.h->reset_hint;
    if (stripped->reset_hint == CounterResetHint::kUnknown && previous) {
      stripped->reset_hint = model::DetectReset(*point.h, *previous) ? CounterResetHint::kReset
                                                                     : CounterResetHint::kNotReset;
    }
    previous = std::exchange(point.h, std::move(stripped));
  }
}

}  // namespace tributary::promql
