#include "net/server/compressor.h"

#include <algorithm>
#include <cstdlib>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"
#include "base/strings.h"

namespace tributary::net {
namespace {

// Level 1 everywhere: JSON and metric texts shrink almost as well as at the default level, at a
// third of the time.
constexpr int kLevel = 1;
constexpr size_t kStep = 16 * 1024;

// libdeflate has no streams, so that streamed answers go through zlib.
class ZlibStream final : public StreamCompressor {
 public:
  // `coding` is gzip, or deflate, which is zlib's own frame.
  explicit ZlibStream(Coding coding) {
    constexpr int kZlibWindow = 15;
    constexpr int kGzipWindow = kZlibWindow + 16;
    const int window = coding == Coding::kGzip ? kGzipWindow : kZlibWindow;
    CHECK(deflateInit2(&stream_, kLevel, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK,
          "out of memory");
  }
  ~ZlibStream() override { deflateEnd(&stream_); }
  void Add(std::string_view in, std::string* out) override { Run(in, Z_NO_FLUSH, out); }
  void Flush(std::string* out) override { Run({}, Z_SYNC_FLUSH, out); }
  void Finish(std::string* out) override { Run({}, Z_FINISH, out); }

 private:
  void Run(std::string_view in, int flush, std::string* out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    do {
      const size_t before = out->size();
      out->resize(before + kStep);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + before);
      stream_.avail_out = kStep;
      deflate(&stream_, flush);
      out->resize(before + kStep - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }
  z_stream stream_{};
};

class ZstdStream final : public StreamCompressor {
 public:
  ZstdStream() : context_(ZSTD_createCCtx()) {
    CHECK(context_ != nullptr, "out of memory");
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kLevel);
  }
  ~ZstdStream() override { ZSTD_freeCCtx(context_); }
  void Add(std::string_view in, std::string* out) override { Run(in, ZSTD_e_continue, out); }
  void Flush(std::string* out) override { Run({}, ZSTD_e_flush, out); }
  void Finish(std::string* out) override { Run({}, ZSTD_e_end, out); }

 private:
  void Run(std::string_view in, ZSTD_EndDirective mode, std::string* out) {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    size_t left = 1;
    while (mode == ZSTD_e_continue ? input.pos < input.size : left != 0) {
      const size_t before = out->size();
      out->resize(before + kStep);
      ZSTD_outBuffer output{out->data() + before, kStep, 0};
      left = ZSTD_compressStream2(context_, &output, &input, mode);
      out->resize(before + output.pos);
      if (ZSTD_isError(left)) return;
    }
  }
  ZSTD_CCtx* context_;
};

struct FreeDeflate {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
struct FreeZstd {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
};

}  // namespace

std::string_view CodingName(Coding coding) {
  switch (coding) {
    case Coding::kIdentity:
      return "identity";
    case Coding::kGzip:
      return "gzip";
    case Coding::kDeflate:
      return "deflate";
    case Coding::kZstd:
      return "zstd";
  }
  return "identity";
}

Coding ChooseCoding(std::string_view accept_encoding) {
  Coding best = Coding::kIdentity;
  for (const std::string_view item : base::Split(accept_encoding, ',')) {
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = base::TrimSpace(item.substr(0, semicolon));
    const std::string_view weight =
        base::TrimSpace(item.substr(std::min(semicolon + 1, item.size())));
    if (weight.starts_with("q=") && base::ParseFloat(weight.substr(2)).value_or(0) <= 0) continue;
    if (base::EqualsIgnoreCase(name, "zstd")) return Coding::kZstd;
    if (best != Coding::kIdentity) continue;
    if (base::EqualsIgnoreCase(name, "gzip") || name == "*") best = Coding::kGzip;
    if (base::EqualsIgnoreCase(name, "deflate")) best = Coding::kDeflate;
  }
  return best;
}

void CompressWhole(Coding coding, std::string_view in, std::string* out) {
  const size_t before = out->size();
  if (coding == Coding::kZstd) {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeZstd> context(ZSTD_createCCtx());
    out->resize(before + ZSTD_compressBound(in.size()));
    const size_t n = ZSTD_compressCCtx(context.get(), out->data() + before, out->size() - before,
                                       in.data(), in.size(), kLevel);
    CHECK(!ZSTD_isError(n), "zstd failed although its bound was given");
    out->resize(before + n);
    return;
  }
  thread_local const std::unique_ptr<libdeflate_compressor, FreeDeflate> compressor(
      libdeflate_alloc_compressor(kLevel));
  const bool gzip = coding == Coding::kGzip;
  out->resize(before + (gzip ? libdeflate_gzip_compress_bound(compressor.get(), in.size())
                             : libdeflate_zlib_compress_bound(compressor.get(), in.size())));
  const auto compress = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
  const size_t n =
      compress(compressor.get(), in.data(), in.size(), out->data() + before, out->size() - before);
  CHECK(n > 0, "libdeflate failed although its bound was given");
  out->resize(before + n);
}

std::unique_ptr<StreamCompressor> StreamCompressor::Create(Coding coding) {
  if (coding == Coding::kZstd) return std::make_unique<ZstdStream>();
  return std::make_unique<ZlibStream>(coding);
}

}  // namespace tributary::net
