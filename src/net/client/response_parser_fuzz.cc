// The answer must not depend on how the wire cuts it.
#include <cstdlib>

#include "net/client/response_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tributary::net::ResponseParser;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t step = 1 + data[0] % 16;
  ResponseParser whole;
  ResponseParser pieces;
  whole.Begin(1 << 16);
  pieces.Begin(1 << 16);
  const auto a = whole.Feed(bytes);
  auto b = ResponseParser::State::kReading;
  for (size_t at = 0; at < bytes.size() && b == ResponseParser::State::kReading; at += step) {
    b = pieces.Feed(bytes.substr(at, step));
  }
  if (a != b) std::abort();
  if (a == ResponseParser::State::kDone &&
      (whole.body() != pieces.body() || whole.status() != pieces.status())) {
    std::abort();
  }
  return 0;
}
