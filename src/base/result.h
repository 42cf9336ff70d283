// Result<T>: a value or an Error. Returned by everything that can fail.
//
// An Error is a kind (ErrorCode, a closed set that callers may branch on) and a message for people:
// lower case, naming the input that was wrong and what to do. Copying an Error is a reference
// count. Each floor adds its context at most once, with Context(); an error is logged or returned,
// not both.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace tributary::base {

enum class ErrorCode : unsigned char {
  kInvalidArgument,    // the caller's input is wrong; repeating it cannot help
  kNotFound,           // the named thing does not exist
  kAlreadyExists,      // the named thing exists and must not
  kCorruption,         // bytes on disk or on the wire are not what they claim to be
  kIo,                 // the operating system refused an I/O call
  kNoSpace,            // the disk is full; repeating may help once space returns
  kUnavailable,        // not now: not ready, shutting down, peer unreachable; repeating may help
  kTimeout,            // a deadline passed
  kCancelled,          // the caller no longer wants the answer
  kResourceExhausted,  // a stated limit was reached; the message names the limit
  kUnimplemented,      // known but not served yet
  kExecution,          // well-formed, but cannot be carried out on what it was asked of
  kInternal,           // a bug that could be contained
};

// The code's name in snake case, for logs: "invalid_argument".
std::string_view ErrorCodeName(ErrorCode code);

class Error {
 public:
  Error(ErrorCode code, std::string message)
      : rep_(std::make_shared<const Rep>(Rep{code, std::move(message)})) {}

  ErrorCode code() const { return rep_->code; }
  const std::string& message() const { return rep_->message; }

  // The same error, its message prefixed with "where: ".
  Error Context(std::string_view where) const;

 private:
  struct Rep {
    ErrorCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}  // NOLINT
  template <class U>
    requires std::is_constructible_v<T, U&&> && (!std::is_same_v<std::decay_t<U>, Error>) &&
             (!std::is_same_v<std::decay_t<U>, Result>)
  Result(U&& value) : tl::expected<T, Error>(std::forward<U>(value)) {}  // NOLINT
};

template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
 public:
  using tl::expected<void, Error>::expected;
  Result() = default;
  Result(Error error) : tl::expected<void, Error>(tl::unexpect, std::move(error)) {}  // NOLINT
};

using Status = Result<void>;

inline Status OkStatus() { return {}; }

// An Error whose message is fmt-style formatted by the caller.
inline Error InvalidArgument(std::string m) { return {ErrorCode::kInvalidArgument, std::move(m)}; }
inline Error NotFound(std::string m) { return {ErrorCode::kNotFound, std::move(m)}; }
inline Error Corruption(std::string m) { return {ErrorCode::kCorruption, std::move(m)}; }
inline Error IoError(std::string m) { return {ErrorCode::kIo, std::move(m)}; }
inline Error Unavailable(std::string m) { return {ErrorCode::kUnavailable, std::move(m)}; }
inline Error Unimplemented(std::string m) { return {ErrorCode::kUnimplemented, std::move(m)}; }
inline Error ResourceExhausted(std::string m) {
  return {ErrorCode::kResourceExhausted, std::move(m)};
}
inline Error Internal(std::string m) { return {ErrorCode::kInternal, std::move(m)}; }

}  // namespace tributary::base

#define TRIBUTARY_CONCAT_INNER_(a, b) a##b
#define TRIBUTARY_CONCAT_(a, b) TRIBUTARY_CONCAT_INNER_(a, b)

#define RETURN_IF_ERROR(expression)                                        \
  do {                                                                     \
    if (auto status_of_expression_ = (expression); !status_of_expression_) \
      return std::move(status_of_expression_).error();                     \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): what is declared cannot stand in parentheses.
#define ASSIGN_OR_RETURN(lhs, expression) \
  ASSIGN_OR_RETURN_IMPL_(TRIBUTARY_CONCAT_(result_, __LINE__), lhs, expression)
#define ASSIGN_OR_RETURN_IMPL_(result, lhs, expression) \
  auto result = (expression);                           \
  if (!result) return std::move(result).error();        \
  lhs = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)
