#include "promql/exec/block_samples.h"

#include <utility>

#include "promql/exec/row_source.h"

namespace tributary::promql {
namespace {

class BlockSamples final : public SampleSource {
 public:
  explicit BlockSamples(Block block)
      : steps_(block.steps), rows_(MakeBlockRows(std::move(block))) {}

  size_t size() const override { return rows_->size(); }
  model::Labels LabelsOf(size_t i) const override { return rows_->LabelsOf(i); }
  bool drop_name(size_t i) const override { return rows_->drop_name(i); }
  storage::LabelColumn Column(std::string_view label_name) const override {
    return rows_->Column(label_name);
  }

  base::Status Read(size_t i, model::Timestamp mint, model::Timestamp maxt, ReadScratch* scratch,
                    Samples* out) const override {
    out->Clear();
    scratch->values.resize(steps_.count);
    Row row{scratch->values, {}};
    RETURN_IF_ERROR(rows_->Fill(i, scratch, &row));
    for (size_t step = 0; step < steps_.count; step++) {
      const auto t = steps_.at(step);
      if (t < mint || t > maxt) continue;
      if (row.histogram(step) != nullptr) {
        out->h.push_back({t, WithoutHint(row.histograms[step])});
      } else if (!IsAbsent(row.values[step])) {
        out->t.push_back(t);
        out->v.push_back(row.values[step]);
      }
    }
    return {};
  }

 private:
  static HistogramPtr WithoutHint(HistogramPtr h) {
    using model::CounterResetHint;
    if (h->reset_hint != CounterResetHint::kReset && h->reset_hint != CounterResetHint::kNotReset) {
      return h;
    }
    auto copy = std::make_shared<model::FloatHistogram>(*h);
    copy->reset_hint = CounterResetHint::kUnknown;
    return copy;
  }

  const Steps steps_;
  const std::unique_ptr<RowSource> rows_;
};

}  // namespace

std::unique_ptr<SampleSource> MakeBlockSamples(Block block) {
  return std::make_unique<BlockSamples>(std::move(block));
}

}  // namespace tributary::promql
