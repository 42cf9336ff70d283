#include "promql/functions/label.h"

#include "base/strings.h"
#include "model/regex.h"
#include "promql/exec/row_source.h"

namespace tributary::promql {
namespace {

bool IsLabelName(std::string_view name) { return !name.empty() && base::IsValidUtf8(name); }

base::Error ExecutionError(std::string message) {
  return {base::ErrorCode::kExecution, std::move(message)};
}

void SetLabel(BlockSeries* series, const std::string& name, std::string_view value) {
  model::LabelsBuilder builder(series->labels);
  builder.Set(name, value);
  series->labels = builder.Build();
  // A name that was set on purpose stays.
  if (name == model::kMetricName) series->drop_name = false;
}

base::Status Replace(VectorCall& call, Block* block) {
  const std::string& dst = call.text(1);
  const std::string& replacement = call.text(2);
  const std::string& src = call.text(3);
  ASSIGN_OR_RETURN(const auto regex, model::FastRegex::Compile(call.text(4)));
  for (auto& s : block->series) {
    std::string value;
    if (regex->Replace(s.labels.Get(src), replacement, &value)) SetLabel(&s, dst, value);
  }
  return {};
}

void Join(VectorCall& call, Block* block) {
  const std::string& separator = call.text(2);
  for (auto& s : block->series) {
    std::string value;
    for (size_t i = 3; i < call.plan.children.size(); i++) {
      if (i > 3) value += separator;
      value += s.labels.Get(call.text(i));
    }
    SetLabel(&s, call.text(1), value);
  }
}

}  // namespace

base::Status CheckLabelCall(const VectorCall& call) {
  if (call.id == FunctionId::kLabelReplace) {
    const std::string& pattern = call.plan.children[4]->text;
    if (!model::FastRegex::Compile(pattern)) {
      return ExecutionError("invalid regular expression in label_replace(): " + pattern);
    }
    if (!IsLabelName(call.text(1))) {
      return ExecutionError("invalid destination label name in label_replace(): " + call.text(1));
    }
    return {};
  }
  for (size_t i = 3; i < call.plan.children.size(); i++) {
    if (!IsLabelName(call.text(i))) {
      return ExecutionError("invalid source label name in label_join(): " + call.text(i));
    }
  }
  if (!IsLabelName(call.text(1))) {
    return ExecutionError("invalid destination label name in label_join(): " + call.text(1));
  }
  return {};
}

base::Result<Block> CallLabels(VectorCall& call) {
  Block block = std::move(call.args[0]);
  if (call.id == FunctionId::kLabelReplace) {
    RETURN_IF_ERROR(Replace(call, &block));
  } else {
    Join(call, &block);
  }
  RETURN_IF_ERROR(MergeSameLabels(&block));
  return block;
}

}  // namespace tributary::promql
