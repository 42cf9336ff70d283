#include "net/http.h"

#include <gtest/gtest.h>

#include "net/client/gunzip.h"
#include "net/client/transfer_loop.h"
#include "net/credentials/token_source.h"
#include "net/server/compressor.h"
#include "net/server/request_parser.h"

namespace tributary::net {
namespace {

TEST(Http, UrlDecode) {
  const auto f = [](std::string_view in, bool plus, std::string_view want) {
    EXPECT_EQ(UrlDecode(in, plus), want) << in;
  };
  f("a+b", true, "a b");
  f("a+b", false, "a+b");
  f("%7B%22a%22%7d", true, "{\"a\"}");
  f("100%", true, "100%");
  f("%4", true, "%4");
  f("%zz%41", true, "%zzA");
  f("", true, "");
  EXPECT_EQ(UrlEncode("a b/{}~"), "a%20b%2F%7B%7D~");
}

TEST(Http, ParamsLeaveBrokenPairsOut) {
  const Params params = Params::Parse("a=%zz&b=1;c=2&d=%4&%=x&e=%41%2b&f=%");
  EXPECT_EQ(params.Get("e"), "A+");
  for (const char* name : {"a", "b", "c", "d", "f", "%"}) EXPECT_FALSE(params.Has(name)) << name;
}

TEST(Http, ParamsKeepOrderAndRepeats) {
  Params params = Params::Parse("match[]=up&match%5B%5D=down&&flag&empty=&x=1=2");
  EXPECT_EQ(params.All("match[]"), (std::vector<std::string_view>{"up", "down"}));
  EXPECT_TRUE(params.Has("flag"));
  EXPECT_TRUE(params.Has("empty"));
  EXPECT_FALSE(params.Has(""));
  EXPECT_EQ(params.Get("x"), "1=2");
  EXPECT_EQ(params.Get("none"), "");
  params.Append(Params::Parse("x=3"));
  EXPECT_EQ(params.Get("x"), "1=2");
  EXPECT_EQ(params.All("x").size(), 2u);
}

TEST(Http, HeadersIgnoreCase) {
  Headers headers;
  headers.Add("Content-Type", "a");
  headers.Add("content-type", "b");
  EXPECT_EQ(headers.Get("CONTENT-TYPE"), "a");
  headers.Set("CONTENT-type", "c");
  EXPECT_EQ(headers.fields().size(), 1u);
  EXPECT_EQ(headers.Get("Content-Type"), "c");
  EXPECT_FALSE(headers.Has("Content"));
}

TEST(Http, ChooseCoding) {
  const auto f = [](std::string_view accept, Coding want) {
    EXPECT_EQ(ChooseCoding(accept), want) << accept;
  };
  f("", Coding::kIdentity);
  f("gzip", Coding::kGzip);
  f("br, gzip;q=0.5", Coding::kGzip);
  f("gzip;q=0", Coding::kIdentity);
  f("gzip, deflate, br, zstd", Coding::kZstd);
  f("GZIP", Coding::kGzip);
  f("*", Coding::kGzip);
  f("identity;q=1, deflate", Coding::kDeflate);
  f("gzip, deflate", Coding::kGzip);
  f("br, deflate, gzip", Coding::kDeflate);
  f("zstd;q=0, gzip;q=0, deflate", Coding::kDeflate);
  f("br", Coding::kIdentity);
}

TEST(Http, GunzipIsBounded) {
  std::string packed;
  CompressWhole(Coding::kGzip, std::string(100'000, 'x'), &packed);
  EXPECT_EQ(Gunzip(packed, 0).value().size(), 100'000u);
  EXPECT_EQ(Gunzip(packed, 100'000).value().size(), 100'000u);
  EXPECT_EQ(Gunzip(packed, 99'999).error().code(), base::ErrorCode::kResourceExhausted);
  EXPECT_EQ(Gunzip(packed.substr(0, 50), 0).error().code(), base::ErrorCode::kCorruption);
  EXPECT_EQ(Gunzip("garbage", 0).error().code(), base::ErrorCode::kCorruption);
  EXPECT_EQ(Gunzip(packed + packed, 0).value().size(), 200'000u);
}

TEST(Http, GunzipIntoMemoryOfAnother) {
  const std::string text = "abc" + std::string(1000, 'x');
  std::string packed;
  CompressWhole(Coding::kGzip, text, &packed);
  for (const size_t size : {0, 1, 500, 1003, 5000}) {
    const std::string spare(size, 'y');
    EXPECT_EQ(Gunzip(packed, 0, spare).value(), text);
    EXPECT_EQ(Gunzip(packed + packed, 0, spare).value(), text + text);
    EXPECT_EQ(Gunzip("", 0, spare).value(), "");
    EXPECT_EQ(Gunzip(packed, 1002, spare).error().code(), base::ErrorCode::kResourceExhausted);
  }
}

TEST(Http, StreamedCompressionUnpacks) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i);
  const auto stream = StreamCompressor::Create(Coding::kGzip);
  std::string packed;
  for (size_t at = 0; at < text.size(); at += 7'000) {
    stream->Add(std::string_view(text).substr(at, 7'000), &packed);
    if (at == 14'000) stream->Flush(&packed);
  }
  stream->Finish(&packed);
  EXPECT_LT(packed.size(), text.size());
  EXPECT_EQ(Gunzip(packed, 0).value(), text);
}

TEST(Http, RedactUrl) {
  const auto f = [](const std::string& in, std::string_view want) {
    EXPECT_EQ(RedactUrl(in), want);
  };
  f("http://a/b", "http://a/b");
  f("http://user:secret@a:1/b?c=d@e", "http://user:xxxxx@a:1/b?c=d@e");
  f("http://a/b:c@d", "http://a/b:c@d");
  f("nonsense", "nonsense");
}

TEST(Http, TokenResponse) {
  const auto token = ParseTokenResponse(
      R"( {"scope": ["a", "b"], "access_token" : "t\/1", "expires_in": 3600, "x": null} )");
  ASSERT_TRUE(token) << token.error().message();
  EXPECT_EQ(token->access_token, "t/1");
  EXPECT_EQ(token->token_type, "Bearer");
  EXPECT_EQ(token->expires_in_s, 3600);
  for (const char* bad : {"", "[]", "{", "{\"access_token\":", "{\"access_token\":\"a",
                          "{\"access_token\" \"a\"}", "{\"other\":\"a\"}", "{\"a\":[}"}) {
    EXPECT_FALSE(ParseTokenResponse(bad)) << bad;
  }
}

// What a proxy and we could read differently must be refused.
TEST(RequestParser, RefusesAmbiguousFraming) {
  const auto f = [](std::string_view fields, int want) {
    RequestParser parser(4096);
    size_t consumed = 0;
    const std::string text = "POST /x HTTP/1.1\r\n" + std::string(fields) + "\r\n";
    const auto outcome = parser.ParseHead(text, &consumed);
    EXPECT_EQ(outcome == RequestParser::Outcome::kError ? parser.failure().status : 0, want)
        << fields;
  };
  f("Host: a\r\nContent-Length: 3\r\n", 0);
  f("Host: a\r\nTransfer-Encoding: chunked\r\n", 0);
  f("Content-Length: 3\r\n", 400);
  f("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400);
  f("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400);
  f("Host: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n", 400);
  f("Host: a\r\nContent-Length: -1\r\n", 400);
  f("Host: a\r\nTransfer-Encoding: gzip\r\n", 501);
  f("Host: a\r\nTransfer-Encoding: xchunked\r\n", 501);
  f("Host: a\r\nBad Name: x\r\n", 400);
  f("Host: a\r\nExpect: the-worst\r\n", 417);
}

TEST(RequestParser, TakesBytesInAnyPieces) {
  const std::string text =
      "POST /a?b=c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    RequestParser parser(4096);
    std::string pending;
    std::string body;
    size_t fed = 0;
    bool head_done = false;
    bool done = false;
    while (!done) {
      ASSERT_LT(fed, text.size()) << piece;
      pending += text.substr(fed, piece);
      fed += piece;
      size_t consumed = 0;
      if (!head_done) {
        const auto outcome = parser.ParseHead(pending, &consumed);
        ASSERT_NE(outcome, RequestParser::Outcome::kError) << piece;
        head_done = outcome == RequestParser::Outcome::kDone;
        pending.erase(0, consumed);
      }
      if (head_done && !pending.empty()) {
        const auto outcome = parser.ParseChunked(pending, 100, &body, &consumed);
        ASSERT_NE(outcome, RequestParser::Outcome::kError) << piece;
        done = outcome == RequestParser::Outcome::kDone;
        pending.erase(0, consumed);
      }
    }
    EXPECT_EQ(parser.head().target, "/a?b=c");
    EXPECT_EQ(body, "hello world");
    EXPECT_EQ(parser.head().headers.Has("Trailer"), false);
  }
}

}  // namespace
}  // namespace tributary::net
