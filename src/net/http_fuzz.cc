// Query strings, percent-encoding, Accept-Encoding, gzip answers and token answers: everything the
// net module parses by itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/client/gunzip.h"
#include "net/client/transfer_loop.h"
#include "net/credentials/token_source.h"
#include "net/http.h"
#include "net/server/compressor.h"
#include "net/server/request_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary::net;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Params params = Params::Parse(text);
  if (UrlDecode(UrlEncode(text), true) != text) std::abort();
  for (const auto& [key, value] : params.values()) {
    const Params again = Params::Parse(UrlEncode(key) + "=" + UrlEncode(value));
    if (again.Get(key) != value) std::abort();
  }
  ChooseCoding(text);
  RedactUrl(text);
  if (const auto plain = Gunzip(text, 1 << 20); plain && plain->size() > 1 << 20) std::abort();
  static_cast<void>(ParseTokenResponse(text));

  RequestParser parser(4096);
  size_t used = 0;
  if (parser.ParseHead(text, &used) == RequestParser::Outcome::kDone && parser.head().chunked) {
    std::string body;
    size_t more = 0;
    parser.ParseChunked(std::string_view(text).substr(used), 4096, &body, &more);
    if (body.size() > 4096 || used + more > size) std::abort();
  }
  return 0;
}
