#include "storage/appender.h"

namespace tributary::storage {

std::string_view AppendOutcomeText(AppendOutcome outcome) {
  switch (outcome) {
    case AppendOutcome::kAppended:
      return "appended";
    case AppendOutcome::kDuplicate:
      return "duplicate sample";
    case AppendOutcome::kOutOfOrder:
      return "out of order sample";
    case AppendOutcome::kOutOfBounds:
      return "out of bounds";
    case AppendOutcome::kTooOld:
      return "too old sample";
    case AppendOutcome::kDuplicateTimestamp:
      return "duplicate sample for timestamp";
    case AppendOutcome::kTooFarInFuture:
      return "sample too far in the future";
    case AppendOutcome::kUnknownSeries:
      return "unknown series";
    case AppendOutcome::kInvalid:
      return "invalid histogram";
  }
  return "unknown";
}

}  // namespace tributary::storage
