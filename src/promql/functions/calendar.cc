// Functions of time in UTC, and timestamp() of what is not a plain selector.
#include <chrono>
#include <cmath>
#include <limits>

#include "promql/exec/evaluator.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

// As Go converts a float to an int64 on amd64: what does not fit becomes the smallest.
int64_t ToSeconds(double v) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(v >= -kLimit && v < kLimit)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(v);
}

double CalendarValue(FunctionId id, double seconds_float) {
  // Go counts unsigned from a day some 292 billion years ago; what NaN becomes wraps around there.
  constexpr uint64_t kDay = 86400;
  constexpr uint64_t kDaysBefore1970 = uint64_t{730'692'556} * 146'097 + 306 + 719'162;
  const uint64_t seconds = static_cast<uint64_t>(ToSeconds(seconds_float)) + kDaysBefore1970 * kDay;
  const int64_t day = static_cast<int64_t>(seconds / kDay) - static_cast<int64_t>(kDaysBefore1970);
  const uint64_t rest = seconds % kDay;
  if (id == FunctionId::kHour) return static_cast<double>(rest / 3600);
  if (id == FunctionId::kMinute) return static_cast<double>(rest % 3600 / 60);
  if (id == FunctionId::kDayOfWeek) return static_cast<double>(((day + 4) % 7 + 7) % 7);

  // The calendar repeats every 400 years: far away days are mapped to near ones.
  constexpr int64_t kEraDays = 146097;
  int64_t era = day / kEraDays;
  int64_t day_of_era = day % kEraDays;
  if (day_of_era < 0) {
    day_of_era += kEraDays;
    era--;
  }
  const sys_days date{days(day_of_era)};
  const std::chrono::year_month_day ymd(date);
  switch (id) {
    case FunctionId::kDayOfMonth:
      return static_cast<unsigned>(ymd.day());
    case FunctionId::kMonth:
      return static_cast<unsigned>(ymd.month());
    case FunctionId::kYear:
      return static_cast<double>(static_cast<int>(ymd.year()) + era * 400);
    case FunctionId::kDaysInMonth:
      return static_cast<unsigned>((ymd.year() / ymd.month() / std::chrono::last).day());
    case FunctionId::kDayOfYear:
      return static_cast<double>((date - sys_days(ymd.year() / 1 / 1)).count() + 1);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace

base::Result<Block> CallCalendar(VectorCall& call) {
  if (call.id == FunctionId::kStartTimestamp) return Block(call.steps);
  auto seconds_at = [&](size_t step) { return static_cast<double>(call.steps.at(step)) / 1000; };
  if (call.args.empty()) {
    ASSIGN_OR_RETURN(Block block, MakeScalarBlock(call.context, call.steps, 0));
    for (size_t step = 0; step < call.steps.count; step++) {
      const double seconds = static_cast<double>(call.steps.at(step) / 1000);
      block.series[0].row.Set(step, CalendarValue(call.id, seconds));
    }
    return block;
  }
  Block block = std::move(call.args[0]);
  for (auto& s : block.series) {
    for (size_t step = 0; step < block.steps.count; step++) {
      if (!s.row.present(step)) continue;
      if (call.id == FunctionId::kTimestamp) {
        s.row.Set(step, seconds_at(step));
      } else if (!IsAbsent(s.row.values[step])) {
        s.row.Set(step, CalendarValue(call.id, s.row.values[step]));
      }
    }
    s.row.histograms.clear();
  }
  block.DropEmpty();
  RETURN_IF_ERROR(LoseMetricName(call.context, &block));
  return block;
}

}  // namespace tributary::promql
