// What the tests of blocks and compaction share: series as plain maps, and both ways between them
// and a store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"
#include "model/labels.h"
#include "storage/memory_store.h"
#include "storage/querier.h"

namespace tributary::tsdb {

using PlainSeries = std::map<int64_t, double>;
using PlainData = std::map<model::Labels, PlainSeries>;

// Floats only. Of equal timestamps the later chunk's sample counts, as the seam says.
inline PlainData ReadPlain(storage::Queryable& store, int64_t min_time = model::kMinTime,
                           int64_t max_time = model::kMaxTime,
                           const std::vector<model::Matcher>& matchers = {}) {
  PlainData out;
  const auto querier = store.NewQuerier(min_time, max_time);
  EXPECT_TRUE(querier);
  const auto selection = (*querier)->Select(matchers, {});
  EXPECT_TRUE(selection) << selection.error().message();
  storage::ChunkBuffer buffer;
  for (size_t i = 0; i < (*selection)->size(); ++i) {
    std::vector<chunk::ChunkView> chunks;
    const base::Status status = (*selection)->Chunks(i, &buffer, &chunks);
    EXPECT_TRUE(status) << status.error().message();
    PlainSeries& series = out[(*selection)->LabelsOf(i)];
    for (const chunk::ChunkView& c : chunks) {
      std::vector<int64_t> t(chunk::ChunkNumSamples(c.data));
      std::vector<double> v(t.size());
      const auto n = c.encoding == chunk::Encoding::kXor2
                         ? chunk::Xor2Decode(c.data, t.data(), v.data(), nullptr)
                         : chunk::XorDecode(c.data, t.data(), v.data());
      EXPECT_TRUE(n) << n.error().message();
      for (size_t k = 0; k < t.size(); ++k) {
        if (t[k] >= min_time && t[k] <= max_time) series[t[k]] = v[k];
      }
    }
    if (series.empty()) out.erase((*selection)->LabelsOf(i));
    buffer.Clear();
  }
  return out;
}

// `count` series of one sample each `step` in [begin, end); values tell where they are from.
inline PlainData MakePlain(int count, int64_t begin, int64_t end, int64_t step) {
  PlainData data;
  for (int i = 0; i < count; ++i) {
    const model::Labels labels = model::Labels::Of({{"__name__", i % 3 == 0 ? "up" : "requests"},
                                                    {"instance", "host" + std::to_string(i)},
                                                    {"mode", i % 2 == 0 ? "idle" : ""}});
    for (int64_t t = begin; t < end; t += step) {
      data[labels][t] = static_cast<double>(t / step) + i * 0.25;
    }
  }
  return data;
}

inline void Store(storage::MemoryStore* store, const PlainData& data) {
  for (const auto& [labels, samples] : data) {
    std::vector<model::Sample> list;
    for (const auto& [t, v] : samples) list.push_back({t, v});
    const base::Status status = store->Add(labels, list);
    ASSERT_TRUE(status) << status.error().message();
  }
}

}  // namespace tributary::tsdb
