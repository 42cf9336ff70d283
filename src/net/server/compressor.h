// Response compression: which coding a client takes, whole bodies at once, and streams.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tributary::net {

enum class Coding : unsigned char { kIdentity, kGzip, kDeflate, kZstd };

std::string_view CodingName(Coding coding);  // the Content-Encoding token

// The coding to answer with, of those an Accept-Encoding value allows: zstd, else the first of gzip
// and deflate, as Prometheus chooses between those two.
Coding ChooseCoding(std::string_view accept_encoding);

// Appends to `out`. REQUIRES: not kIdentity.
void CompressWhole(Coding coding, std::string_view in, std::string* out);

// One compressed stream made piece by piece. Outputs are appended to `out`.
class StreamCompressor {
 public:
  static std::unique_ptr<StreamCompressor> Create(Coding coding);  // REQUIRES: not kIdentity
  virtual ~StreamCompressor() = default;
  virtual void Add(std::string_view in, std::string* out) = 0;
  // Everything added so far can be unpacked from what is out.
  virtual void Flush(std::string* out) = 0;
  virtual void Finish(std::string* out) = 0;
};

}  // namespace tributary::net
