#include "wire/compression.h"

#include <algorithm>
#include <libdeflate.h>
#include <memory>
#include <snappy.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <fmt/format.h>
#include <snappy-c.h>

#include "base/free_with.h"

namespace tributary::wire {
namespace {

using base::FreeWith;
using ZstdDecoder = std::unique_ptr<ZSTD_DCtx, FreeWith<ZSTD_freeDCtx>>;
using ZstdEncoder = std::unique_ptr<ZSTD_CCtx, FreeWith<ZSTD_freeCCtx>>;
using Inflater = std::unique_ptr<libdeflate_decompressor, FreeWith<libdeflate_free_decompressor>>;
using Deflater = std::unique_ptr<libdeflate_compressor, FreeWith<libdeflate_free_compressor>>;

// What is tried first where the input does not say how large it becomes.
constexpr size_t kFirstGuess = 64 << 10;
constexpr int kGzipLevel = 4;

// Memory for the worst case of an encoder, several times what is left in the end: not filled with
// zeros first, so that what was never used costs nothing, and kept by the thread unless it is
// large.
class Room {
 public:
  explicit Room(size_t size) {
    thread_local std::unique_ptr<char[]> kept;
    if (size > kMostKept) {
      own_ = std::make_unique_for_overwrite<char[]>(size);
    } else if (kept == nullptr) {
      kept = std::make_unique_for_overwrite<char[]>(kMostKept);
    }
    bytes_ = own_ != nullptr ? own_.get() : kept.get();
  }
  char* data() { return bytes_; }

 private:
  static constexpr size_t kMostKept = 2 << 20;
  std::unique_ptr<char[]> own_;
  char* bytes_;
};

base::Error TooLarge(std::string_view codec, size_t max_size) {
  return base::ResourceExhausted(
      fmt::format("{}: unpacks to more than the limit of {} bytes", codec, max_size));
}

}  // namespace

base::Status SnappyDecode(base::Bytes input, size_t max_size, std::string* out) {
  const char* data = reinterpret_cast<const char*>(input.data());
  size_t size = 0;
  if (!snappy::GetUncompressedLength(data, input.size(), &size)) {
    return base::Corruption("snappy: the header is broken");
  }
  if (size > max_size) return TooLarge("snappy", max_size);
  // A snappy copy of 3 bytes makes at most 64: a header that promises more is lying.
  if (size > input.size() * 32) return base::Corruption("snappy: the data is broken");
  out->resize(size);
  if (!snappy::RawUncompress(data, input.size(), out->data())) {
    out->clear();
    return base::Corruption("snappy: the data is broken");
  }
  return base::OkStatus();
}

void SnappyEncode(base::Bytes input, std::string* out) {
  Room room(snappy::MaxCompressedLength(input.size()));
  size_t size = 0;
  snappy::RawCompress(reinterpret_cast<const char*>(input.data()), input.size(), room.data(),
                      &size);
  out->assign(room.data(), size);
}

base::Status ZstdDecode(base::Bytes input, size_t max_size, std::string* out) {
  thread_local const ZstdDecoder decoder(ZSTD_createDCtx());
  // Of the first frame; more may follow.
  const unsigned long long stated = ZSTD_getFrameContentSize(input.data(), input.size());
  if (stated == ZSTD_CONTENTSIZE_ERROR) return base::Corruption("zstd: the data is broken");
  const bool known = stated != ZSTD_CONTENTSIZE_UNKNOWN;
  if (known && stated > max_size) return TooLarge("zstd", max_size);
  // A stated size is believed only as far as input of this length could plausibly carry it: the
  // buffer grows with what is really there.
  size_t room = std::min<uint64_t>(known ? stated : max_size,
                                   std::max<uint64_t>(kFirstGuess, input.size() * 64));
  for (;;) {
    out->resize(room);
    const size_t size =
        ZSTD_decompressDCtx(decoder.get(), out->data(), room, input.data(), input.size());
    if (!ZSTD_isError(size)) {
      out->resize(size);
      return base::OkStatus();
    }
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
      out->clear();
      return base::Corruption(fmt::format("zstd: {}", ZSTD_getErrorName(size)));
    }
    if (room >= max_size) {
      out->clear();
      return TooLarge("zstd", max_size);
    }
    room = std::min(max_size, room * 2);
  }
}

void ZstdEncode(base::Bytes input, std::string* out, int level) {
  thread_local const ZstdEncoder encoder(ZSTD_createCCtx());
  const size_t bound = ZSTD_compressBound(input.size());
  Room room(bound);
  const size_t size =
      ZSTD_compressCCtx(encoder.get(), room.data(), bound, input.data(), input.size(), level);
  out->assign(room.data(), ZSTD_isError(size) ? 0 : size);
}

base::Status GzipDecode(base::Bytes input, size_t max_size, std::string* out) {
  thread_local const Inflater inflater(libdeflate_alloc_decompressor());
  out->clear();
  if (input.empty()) return base::Corruption("gzip: no data");
  // The last four bytes hold the last member's size modulo 2^32: a good guess when it is honest.
  size_t guess = kFirstGuess;
  if (input.size() >= 18) {
    const uint8_t* tail = input.data() + input.size() - 4;
    guess = tail[0] | tail[1] << 8 | tail[2] << 16 | static_cast<size_t>(tail[3]) << 24;
    guess = std::clamp<size_t>(guess, 1, std::max(kFirstGuess, input.size() * 64));
  }
  size_t done = 0;
  while (!input.empty()) {
    size_t room = std::min(guess, max_size - done);
    size_t used = 0, made = 0;
    for (;;) {
      out->resize(done + room);
      const libdeflate_result result = libdeflate_gzip_decompress_ex(
          inflater.get(), input.data(), input.size(), out->data() + done, room, &used, &made);
      if (result == LIBDEFLATE_SUCCESS) break;
      if (result != LIBDEFLATE_INSUFFICIENT_SPACE) {
        out->clear();
        return base::Corruption("gzip: the data is broken");
      }
      if (room >= max_size - done) {
        out->clear();
        return TooLarge("gzip", max_size);
      }
      room = std::min(max_size - done, std::max<size_t>(room, 512) * 2);
    }
    done += made;
    input = input.subspan(used);
  }
  out->resize(done);
  return base::OkStatus();
}

void GzipEncode(base::Bytes input, std::string* out) {
  thread_local const Deflater deflater(libdeflate_alloc_compressor(kGzipLevel));
  out->resize(libdeflate_gzip_compress_bound(deflater.get(), input.size()));
  out->resize(libdeflate_gzip_compress(deflater.get(), input.data(), input.size(), out->data(),
                                       out->size()));
}

}  // namespace tributary::wire
