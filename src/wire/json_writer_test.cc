#include "wire/json_writer.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "model/sample.h"

namespace tributary::wire {
namespace {

TEST(JsonWriter, PlacesCommas) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("status");
  json.String("success");
  json.Key("data");
  json.BeginArray();
  json.BeginObject();
  json.EndObject();
  json.BeginArray();
  json.EndArray();
  json.Int(-3);
  json.Uint(18446744073709551615u);
  json.Bool(true);
  json.Null();
  json.Raw(R"({"a":1})");
  json.EndArray();
  json.Key("last");
  json.Bool(false);
  json.EndObject();
  EXPECT_EQ(
      out,
      R"({"status":"success","data":[{},[],-3,18446744073709551615,true,null,{"a":1}],"last":false})");
}

TEST(JsonWriter, Strings) {
  const auto f = [](std::string_view in, std::string_view want) {
    std::string out;
    JsonWriter(&out).String(in);
    EXPECT_EQ(out, want);
  };
  f("", R"("")");
  f("plain", R"("plain")");
  f("a\"b\\c\n\r\t\x01\x1f", R"("a\"b\\c\n\r\t\u0001\u001f")");
  f(std::string_view("\0", 1), R"("\u0000")");
  f("<a href='x'>&</a>\x7f", "\"<a href='x'>&</a>\x7f\"");
  f("größe €😀", "\"größe €😀\"");
  f("a\xff"
    "b",
    R"("a\ufffdb")");
  f("\xc3", R"("\ufffd")");
  f("\xe2\x82", R"("\ufffd\ufffd")");
  f("\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")");            // a surrogate
  f("\xc0\x80", R"("\ufffd\ufffd")");                      // overlong
  f("\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond U+10FFFF
}

TEST(JsonWriter, Samples) {
  const auto f = [](int64_t t, double v, std::string_view want) {
    std::string out;
    JsonWriter(&out).Sample(t, v);
    EXPECT_EQ(out, want);
  };
  f(1435781430781, 1, R"([1435781430.781,"1"])");
  f(1435781430000, 0.1, R"([1435781430,"0.1"])");
  f(1435781430010, -2.5, R"([1435781430.010,"-2.5"])");
  f(5, 0, R"([0.005,"0"])");
  f(-1, 1, R"([-0.001,"1"])");
  f(std::numeric_limits<int64_t>::min(), 1, R"([-9223372036854775.808,"1"])");
  f(0, std::nan(""), R"([0,"NaN"])");
  f(0, std::numeric_limits<double>::infinity(), R"([0,"+Inf"])");
  f(0, -std::numeric_limits<double>::infinity(), R"([0,"-Inf"])");
  f(0, 1e21, R"([0,"1e+21"])");
  f(0, 123456789012345680000.0, R"([0,"123456789012345680000"])");
  f(0, 1e-7, R"([0,"1e-07"])");
}

TEST(JsonWriter, RowsOfSamplesAreTheSamples) {
  constexpr int64_t kStart = std::numeric_limits<int64_t>::min();
  constexpr size_t kSteps = 100;
  std::vector<double> values;
  for (size_t i = 0; i < kSteps; ++i) {
    values.push_back(i % 7 == 3 ? std::bit_cast<double>(model::kStaleNaNBits)
                                : -std::exp(static_cast<double>(i) - 50));
  }
  for (const size_t steps : {size_t{0}, size_t{1}, size_t{4}, kSteps}) {
    for (const int64_t start : {kStart, int64_t{-3000}, int64_t{1435781430781}}) {
      std::string row, alone;
      JsonWriter row_json(&row), json(&alone);
      row_json.BeginArray();
      row_json.Null();
      row_json.Samples(SampleHeads(start, 15'000, steps), std::span(values).first(steps));
      json.BeginArray();
      json.Null();
      json.BeginArray();
      for (size_t i = 0; i < steps; ++i) {
        if (model::IsStaleNaN(values[i])) continue;
        json.Sample(start + static_cast<int64_t>(i) * 15'000, values[i]);
      }
      json.EndArray();
      EXPECT_EQ(row, alone);
    }
  }
}

TEST(JsonWriter, Doubles) {
  const auto f = [](double v, std::string_view want) {
    std::string out;
    JsonWriter(&out).Double(v);
    EXPECT_EQ(out, want);
  };
  f(0.001234, "0.001234");
  f(1e-7, "1e-7");
  f(1e-12, "1e-12");
  f(1e22, "1e+22");
  f(std::nan(""), "null");
}

TEST(JsonWriter, FlushesInPiecesAndStopsWhenTheReaderIsGone) {
  std::string buffer, received;
  size_t largest = 0;
  {
    JsonWriter json(&buffer, 64, [&](std::string_view piece) {
      largest = std::max(largest, piece.size());
      received += piece;
      return true;
    });
    json.BeginArray();
    for (int i = 0; i < 1000; ++i) json.Int(i);
    json.EndArray();
    EXPECT_TRUE(json.Finish());
  }
  EXPECT_LT(largest, 80u);
  EXPECT_TRUE(received.starts_with("[0,1,2,"));
  EXPECT_TRUE(received.ends_with(",998,999]"));

  int calls = 0;
  JsonWriter json(&buffer, 64, [&](std::string_view) { return ++calls < 2; });
  json.BeginArray();
  for (int i = 0; i < 1000; ++i) json.Int(i);
  json.EndArray();
  EXPECT_FALSE(json.Finish());
  EXPECT_FALSE(json.ok());
  EXPECT_EQ(calls, 2);
  EXPECT_LT(buffer.capacity(), 1000u);
}

}  // namespace
}  // namespace tributary::wire
