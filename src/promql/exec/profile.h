// Profiler: notes what each operator of one running query does. It exists only when somebody asked
// to have the query explained. Belongs to the thread that evaluates; operators' shards do not touch
// it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/plan/plan.h"
#include "promql/query_profile.h"

namespace tributary::promql {

class Profiler {
 public:
  // The text outlives the profiler.
  explicit Profiler(std::string_view query) : query_(query) {}

  void NoteSelection(size_t index, const SelectionPlan& plan, uint64_t series, double seconds);
  // One that only turned out to be needed while the query ran.
  void NoteExtraSelection(storage::Matchers matchers, const storage::SelectHints& hints,
                          uint64_t series, double seconds);
  void NoteReader(size_t selection);
  // The running operator was cut into so many parallel tasks.
  void NoteTasks(size_t tasks);
  // What the running operator was to take row by row is held as a whole after all.
  void NoteInputHeld();

  // REQUIRES: all operators have ended.
  QueryProfile Take();

 private:
  friend class OperatorScope;
  struct Frame {
    OperatorProfile* op;
    int64_t began_ns;
    uint64_t samples_before;
    int64_t inputs_ns = 0;
    uint64_t inputs_samples = 0;
  };
  void Begin(const Plan& plan, bool fused, std::string_view name, const Budget& budget);
  void End(const Budget& budget);
  SelectionProfile& SelectionAt(size_t index);

  const std::string_view query_;
  OperatorProfile top_;  // its only input is the root
  std::vector<Frame> frames_;
  QueryProfile profile_;
};

// One operator from its start to its end; nests as operators do. Without a profiler, a null test.
class OperatorScope {
 public:
  // `name` instead of the one that the plan has.
  OperatorScope(QueryContext& context, const Plan& plan, bool fused = false,
                std::string_view name = {})
      : profiler_(context.profiler()), budget_(context.budget()) {
    if (profiler_ != nullptr) profiler_->Begin(plan, fused, name, budget_);
  }
  ~OperatorScope() {
    if (profiler_ != nullptr) profiler_->End(budget_);
  }
  OperatorScope(const OperatorScope&) = delete;
  OperatorScope& operator=(const OperatorScope&) = delete;

  void SetRows(uint64_t rows);
  void SetResult(const Block& block);

 private:
  Profiler* const profiler_;
  const Budget& budget_;
};

}  // namespace tributary::promql
