#include "remote/send/backlog_limit.h"

namespace tributary::remote {
namespace {

constexpr int64_t kMarkEveryNs = int64_t{60} * 1'000'000'000;

}  // namespace

void BacklogLimit::Observe(int64_t now_ns, storage::WalPosition end) {
  if (max_age_ns_ == 0) {
    return;
  }
  if (marks_.empty() || now_ns - marks_.back().at_ns >= kMarkEveryNs) {
    marks_.push_back({now_ns, end});
  }
  while (marks_.size() > 1 && now_ns - marks_[1].at_ns >= max_age_ns_) {
    marks_.pop_front();
  }
}

const char* BacklogLimit::Exceeded(int64_t now_ns, storage::WalPosition position,
                                   uint64_t bytes_behind) const {
  if (TooLarge(bytes_behind)) {
    return "backlog_too_large";
  }
  if (max_age_ns_ > 0 && !marks_.empty() && now_ns - marks_.front().at_ns >= max_age_ns_ &&
      position < marks_.front().end) {
    return "backlog_too_old";
  }
  return nullptr;
}

}  // namespace tributary::remote
