// What all operators that read a SampleSource series by series have in common.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "promql/exec/row_source.h"
#include "promql/exec/sample_counts.h"
#include "promql/exec/samples.h"

namespace tributary::promql {

class SelectorRows : public RowSource {
 public:
  // `drops_name`: results are not the metric any more.
  SelectorRows(QueryContext& context, const Steps& steps, std::unique_ptr<SampleSource> source,
               bool drops_name)
      : context_(context),
        counts_(context.counts()),
        steps_(steps),
        source_(std::move(source)),
        drops_name_(drops_name) {
    erases_name_ = drops_name && !context.delayed_name_removal();
    if (erases_name_) {
      for (const char* name : {"__name__", "__type__", "__unit__"}) {
        const auto column = source_->Column(name);
        may_collide_ |=
            std::ranges::any_of(column.ids, [&](uint32_t id) { return id != column.ids.front(); });
      }
    }
  }

  const Steps& steps() const override { return steps_; }
  size_t size() const override { return source_->size(); }
  model::Labels LabelsOf(size_t i) const override {
    return erases_name_ ? DropMetricLabels(source_->LabelsOf(i)) : source_->LabelsOf(i);
  }
  bool drop_name(size_t i) const override { return drops_name_ || source_->drop_name(i); }
  bool may_collide() const override { return may_collide_; }
  storage::LabelColumn Column(std::string_view name) const override {
    if (erases_name_ && (name == "__name__" || name == "__type__" || name == "__unit__")) {
      return {std::vector<uint32_t>(size(), 0), {""}};
    }
    return source_->Column(name);
  }

 protected:
  QueryContext& context_;
  SampleCounts* const counts_;  // null unless somebody asked
  const Steps steps_;
  const std::unique_ptr<SampleSource> source_;

 private:
  const bool drops_name_;
  bool erases_name_ = false;
  bool may_collide_ = false;
};

}  // namespace tributary::promql
