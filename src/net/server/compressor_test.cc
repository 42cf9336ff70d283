#include "net/server/compressor.h"

#include <zlib.h>

#include <gtest/gtest.h>

namespace tributary::net {
namespace {

// What zlib makes of gzip (a window of 15 + 32 finds out which) and deflate.
std::string Unpack(std::string_view packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 32), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Compressor, WholeAndStreamed) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i) + ",";
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    std::string whole;
    CompressWhole(coding, text, &whole);
    EXPECT_EQ(Unpack(whole), text);
    EXPECT_EQ(whole.starts_with("\x1f\x8b"), coding == Coding::kGzip);
    std::string streamed;
    const auto stream = StreamCompressor::Create(coding);
    for (size_t i = 0; i < text.size(); i += 7'000) {
      stream->Add(std::string_view(text).substr(i, 7'000), &streamed);
      if (i == 70'000) stream->Flush(&streamed);
    }
    stream->Finish(&streamed);
    EXPECT_EQ(Unpack(streamed), text);
  }
}

}  // namespace
}  // namespace tributary::net
