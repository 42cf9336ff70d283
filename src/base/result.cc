#include "base/result.h"

namespace tributary::base {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kNoSpace:
      return "no_space";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kUnimplemented:
      return "unimplemented";
    case ErrorCode::kExecution:
      return "execution";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Error Error::Context(std::string_view where) const {
  std::string message;
  message.reserve(where.size() + 2 + rep_->message.size());
  message.append(where).append(": ").append(rep_->message);
  return {rep_->code, std::move(message)};
}

}  // namespace tributary::base
