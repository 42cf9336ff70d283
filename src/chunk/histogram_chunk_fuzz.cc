// Any bytes as a histogram chunk of each encoding (the first byte chooses): no crash, bounded
// memory, and whatever is read can be written again and reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "chunk/histogram_appender.h"
#include "chunk/histogram_reader.h"
#include "model/float_histogram.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  using chunk::Encoding;
  if (size == 0) return 0;
  constexpr Encoding kEncodings[] = {Encoding::kHistogram, Encoding::kFloatHistogram,
                                     Encoding::kHistogramSt, Encoding::kFloatHistogramSt};
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  chunk::HistogramReader in(kEncodings[data[0] % 4], bytes);
  model::FloatHistogram h;
  chunk::FloatHistogramAppender out;
  std::vector<model::FloatHistogram> written;
  while (in.Next()) {
    in.Get(&h);
    (void)model::ToString(h);
    if (!model::Equals(h, h)) return 0;  // NaN as zero threshold or bound
    if (!written.empty() && !out.Append(in.t(), h)) break;
    if (written.empty()) out.Start(in.t(), h, chunk::FloatHistogramAppender::HeaderFor(h));
    written.push_back(h);
  }
  chunk::HistogramReader again(Encoding::kFloatHistogram, out.bytes());
  for (const model::FloatHistogram& want : written) {
    if (!again.Next()) std::abort();
    again.Get(&h);
    if (!model::Equals(h, want)) std::abort();
  }
  chunk::IntHistogramAppender ints;
  (void)ints.Resume(bytes);
  return 0;
}
