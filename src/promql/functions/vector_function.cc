#include "promql/functions/vector_function.h"

#include "promql/functions/absent.h"
#include "promql/functions/label.h"

namespace tributary::promql {

base::Status CheckVectorCall(const VectorCall& call) {
  if (call.id == FunctionId::kLabelReplace || call.id == FunctionId::kLabelJoin) {
    return CheckLabelCall(call);
  }
  return {};
}

base::Result<Block> CallVectorFunction(VectorCall& call) {
  switch (call.id) {
    case FunctionId::kAbs:
    case FunctionId::kAcos:
    case FunctionId::kAcosh:
    case FunctionId::kAsin:
    case FunctionId::kAsinh:
    case FunctionId::kAtan:
    case FunctionId::kAtanh:
    case FunctionId::kCeil:
    case FunctionId::kCos:
    case FunctionId::kCosh:
    case FunctionId::kDeg:
    case FunctionId::kExp:
    case FunctionId::kFloor:
    case FunctionId::kLn:
    case FunctionId::kLog10:
    case FunctionId::kLog2:
    case FunctionId::kRad:
    case FunctionId::kSgn:
    case FunctionId::kSin:
    case FunctionId::kSinh:
    case FunctionId::kSqrt:
    case FunctionId::kTan:
    case FunctionId::kTanh:
      return CallMath(call);
    case FunctionId::kClamp:
    case FunctionId::kClampMax:
    case FunctionId::kClampMin:
    case FunctionId::kRound:
      return CallClampRound(call);
    case FunctionId::kMaxOf:
    case FunctionId::kMinOf:
    case FunctionId::kPi:
    case FunctionId::kScalar:
    case FunctionId::kTime:
    case FunctionId::kVector:
      return CallScalars(call);
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kDaysInMonth:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kTimestamp:
    case FunctionId::kStartTimestamp:
      return CallCalendar(call);
    case FunctionId::kHistogramAvg:
    case FunctionId::kHistogramCount:
    case FunctionId::kHistogramStddev:
    case FunctionId::kHistogramStdvar:
    case FunctionId::kHistogramSum:
      return CallHistogramStatistics(call);
    case FunctionId::kHistogramFraction:
    case FunctionId::kHistogramQuantile:
    case FunctionId::kHistogramQuantiles:
      return CallHistogramQuantile(call);
    case FunctionId::kLabelJoin:
    case FunctionId::kLabelReplace:
      return CallLabels(call);
    case FunctionId::kSort:
    case FunctionId::kSortByLabel:
    case FunctionId::kSortByLabelDesc:
    case FunctionId::kSortDesc:
      return CallSort(call);
    case FunctionId::kAbsent:
      return MakeAbsentBlock(call.context, call.plan, call.args[0]);
    default:
      break;
  }
  return base::Unimplemented("function \"" + std::string(GetFunction(call.id).name) +
                             "\" is not served yet");
}

}  // namespace tributary::promql
