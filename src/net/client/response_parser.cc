#include "net/client/response_parser.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace tributary::net {
namespace {

constexpr size_t kMaxHead = 256 << 10;
constexpr size_t kMaxReserve = 16 << 20;

bool HasToken(std::string_view list, std::string_view token) {
  if (list.empty()) return false;
  for (const std::string_view part : base::Split(list, ',')) {
    if (base::EqualsIgnoreCase(base::TrimSpace(part), token)) return true;
  }
  return false;
}

// A number that is all of `text`.
bool ParseWhole(std::string_view text, int number_base, uint64_t* out) {
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), *out, number_base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void ResponseParser::Begin(size_t max_body) { *this = ResponseParser(), max_body_ = max_body; }

ResponseParser::State ResponseParser::Feed(std::string_view bytes) {
  started_ = started_ || !bytes.empty();
  while (!bytes.empty()) {
    if (step_ == Step::kDone) {
      keep_alive_ = false;
      break;
    }
    if (TakesLines()) {
      const size_t newline = bytes.find('\n');
      std::string_view line = bytes.substr(0, newline);
      head_bytes_ += line.size() + (newline != std::string_view::npos ? 1 : 0);
      if (head_bytes_ > kMaxHead) return State::kMalformed;
      if (newline == std::string_view::npos) {
        line_.append(line);
        return State::kReading;
      }
      bytes.remove_prefix(newline + 1);
      std::string whole;  // where it did not come at once
      if (!line_.empty()) {
        whole.swap(line_);
        line = whole.append(line);
      }
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!OnLine(line)) return State::kMalformed;
      if (max_body_ != 0 && step_ != Step::kUntilClose && body_.size() + left_ > max_body_) {
        return State::kTooLarge;
      }
      continue;
    }
    const size_t take = step_ == Step::kUntilClose
                            ? bytes.size()
                            : static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
    if (max_body_ != 0 && body_.size() + take > max_body_) return State::kTooLarge;
    body_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (step_ == Step::kUntilClose) continue;
    left_ -= take;
    if (left_ == 0) step_ = step_ == Step::kLength ? Step::kDone : Step::kChunkEnd;
  }
  return step_ == Step::kDone ? State::kDone : State::kReading;
}

ResponseParser::State ResponseParser::End() {
  keep_alive_ = false;
  const bool complete = step_ == Step::kUntilClose || step_ == Step::kDone;
  return complete ? State::kDone : State::kMalformed;
}

bool ResponseParser::OnLine(std::string_view line) {
  switch (step_) {
    case Step::kStatusLine:
      return OnStatusLine(line);
    case Step::kHeaders: {
      if (line.empty()) return OnHeadersEnd();
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos || colon == 0) return false;
      headers_.Add(std::string(line.substr(0, colon)),
                   std::string(base::TrimSpace(line.substr(colon + 1))));
      return true;
    }
    case Step::kChunkSize:
      return OnChunkSize(line);
    case Step::kChunkEnd:
      step_ = Step::kChunkSize;
      return line.empty();
    case Step::kTrailers:
      if (line.empty()) step_ = Step::kDone;
      return true;
    default:
      return false;
  }
}

bool ResponseParser::OnStatusLine(std::string_view line) {
  // "HTTP/1.1 200 OK"
  uint64_t status = 0;
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      !ParseWhole(line.substr(9, 3), 10, &status) || status < 100) {
    return false;
  }
  status_ = static_cast<int>(status);
  old_version_ = line[7] == '0';
  step_ = Step::kHeaders;
  return true;
}

bool ResponseParser::OnHeadersEnd() {
  if (status_ < 200) {  // one more answer follows
    headers_ = {};
    step_ = Step::kStatusLine;
    return status_ != 101;
  }
  head_bytes_ = 0;
  const std::string_view connection = headers_.Get("Connection");
  keep_alive_ = old_version_ ? HasToken(connection, "keep-alive") : !HasToken(connection, "close");
  if (status_ == 204 || status_ == 304) {
    step_ = Step::kDone;
    return true;
  }
  const std::string_view coding = headers_.Get("Transfer-Encoding");
  if (!coding.empty()) {
    step_ = Step::kChunkSize;
    return base::EqualsIgnoreCase(coding, "chunked");
  }
  const std::string_view length = headers_.Get("Content-Length");
  if (length.empty()) {
    step_ = Step::kUntilClose;
    return true;
  }
  if (!ParseWhole(length, 10, &left_)) return false;
  step_ = left_ == 0 ? Step::kDone : Step::kLength;
  body_.reserve(static_cast<size_t>(std::min<uint64_t>(left_, kMaxReserve)));
  return true;
}

bool ResponseParser::OnChunkSize(std::string_view line) {
  const std::string_view size = base::TrimSpace(line.substr(0, line.find(';')));
  if (size.empty() || !ParseWhole(size, 16, &left_)) return false;
  head_bytes_ = 0;
  step_ = left_ == 0 ? Step::kTrailers : Step::kChunkData;
  return true;
}

}  // namespace tributary::net
