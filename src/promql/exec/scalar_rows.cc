#include "promql/exec/scalar_rows.h"

#include <utility>

#include "promql/exec/binary_ops.h"
#include "promql/functions/range_function.h"

namespace tributary::promql {
namespace {

class ScalarRows final : public RowSource {
 public:
  ScalarRows(QueryContext& context, const Plan& plan, std::unique_ptr<RowSource> rows,
             std::vector<double> scalars)
      : context_(context),
        op_(As<BinaryExpr>(*plan.expr).op),
        pos_(plan.pos),
        scalar_on_left_(plan.children[0]->type == ValueType::kScalar),
        rows_(std::move(rows)),
        scalars_(std::move(scalars)) {}

  const Steps& steps() const override { return rows_->steps(); }
  size_t size() const override { return rows_->size(); }
  model::Labels LabelsOf(size_t i) const override { return rows_->LabelsOf(i); }
  bool drop_name(size_t) const override { return true; }
  storage::LabelColumn Column(std::string_view name) const override { return rows_->Column(name); }
  bool may_collide() const override { return rows_->may_collide(); }

  base::Status Fill(size_t i, ReadScratch* scratch, Row* row) const override {
    RETURN_IF_ERROR(rows_->Fill(i, scratch, row));
    ApplyScalars(op_, row->values, scalars_, scalar_on_left_);
    for (size_t step = 0; step < row->histograms.size(); step++) {
      if (row->histogram(step) != nullptr) CombineHistogram(step, row);
    }
    return {};
  }

 private:
  void CombineHistogram(size_t step, Row* row) const {
    const Element element{0, row->histograms[step]};
    const Element number{scalars_[step], nullptr};
    Outcome out = ElementBinary(op_, scalar_on_left_ ? number : element,
                                scalar_on_left_ ? element : number, context_.annotations(), pos_);
    row->Clear(step);
    if (out.valid) row->Set(step, std::move(out.value.h));
  }

  QueryContext& context_;
  const BinaryOp op_;
  const PosRange pos_;
  const bool scalar_on_left_;
  const std::unique_ptr<RowSource> rows_;
  const std::vector<double> scalars_;
};

}  // namespace

bool CanFuseScalar(const Plan& plan) {
  const bool left = plan.children[0]->type == ValueType::kScalar;
  const bool right = plan.children[1]->type == ValueType::kScalar;
  if (left == right || !ChangesMetric(As<BinaryExpr>(*plan.expr).op)) return false;
  const Plan& vector = *plan.children[left ? 1 : 0];
  if (vector.kind == PlanKind::kBinary) return CanFuseScalar(vector);
  if (vector.kind != PlanKind::kCall) return false;
  const FunctionId id = As<Call>(*vector.expr).function->id;
  return id != FunctionId::kAbsentOverTime && !KeepsMetricName(id) &&
         vector.children[0]->type == ValueType::kMatrix;
}

std::unique_ptr<RowSource> MakeScalarRows(QueryContext& context, const Plan& plan,
                                          std::unique_ptr<RowSource> rows,
                                          std::vector<double> scalars) {
  return std::make_unique<ScalarRows>(context, plan, std::move(rows), std::move(scalars));
}

}  // namespace tributary::promql
