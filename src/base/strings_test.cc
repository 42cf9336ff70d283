#include "base/strings.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace tributary::base {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kTiny = std::numeric_limits<double>::denorm_min();
constexpr double kHuge = std::numeric_limits<double>::max();

std::string Json(double value) {
  std::string out;
  AppendFloatJson(&out, value);
  return out;
}

// The wanted texts were printed by Go's strconv.FormatFloat(v, 'g' | 'f', -1, 64).
TEST(Strings, ParseBoolIsGos) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) EXPECT_EQ(ParseBool(yes), true);
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) EXPECT_EQ(ParseBool(no), false);
  for (const char* odd : {"", "yes", "tRUE", "2", " 1"}) EXPECT_EQ(ParseBool(odd), std::nullopt);
}

TEST(FormatFloat, IsGos) {
  const auto f = [](double value, const char* g, const char* fixed, const char* json) {
    EXPECT_EQ(FormatFloatG(value), g);
    EXPECT_EQ(FormatFloat(value), fixed);
    EXPECT_EQ(Json(value), json);
  };
  f(0, "0", "0", "0");
  f(-0.0, "-0", "-0", "-0");
  f(1, "1", "1", "1");
  f(-1.5, "-1.5", "-1.5", "-1.5");
  f(0.1, "0.1", "0.1", "0.1");
  f(100, "100", "100", "100");
  f(100000, "100000", "100000", "100000");
  f(99999.5, "99999.5", "99999.5", "99999.5");
  f(123456.7, "123456.7", "123456.7", "123456.7");
  f(1e6, "1e+06", "1000000", "1000000");
  f(1234567, "1.234567e+06", "1234567", "1234567");
  f(123456789, "1.23456789e+08", "123456789", "123456789");
  f(0.0001, "0.0001", "0.0001", "0.0001");
  f(1e-5, "1e-05", "0.00001", "0.00001");
  f(1e-6, "1e-06", "0.000001", "0.000001");
  f(1.5e-7, "1.5e-07", "0.00000015", "1.5e-07");
  f(1e20, "1e+20", "100000000000000000000", "100000000000000000000");
  f(1e21, "1e+21", "1000000000000000000000", "1e+21");
  f(1e23, "1e+23", "100000000000000000000000", "1e+23");
  f(9007199254740992, "9.007199254740992e+15", "9007199254740992", "9007199254740992");
  f(kNan, "NaN", "NaN", "NaN");
  f(kInf, "+Inf", "+Inf", "+Inf");
  f(-kInf, "-Inf", "-Inf", "-Inf");
  EXPECT_EQ(FormatFloatG(kHuge), "1.7976931348623157e+308");
  EXPECT_EQ(FormatFloatG(kTiny), "5e-324");
  EXPECT_EQ(FormatFloat(kTiny), "0." + std::string(323, '0') + "5");
  EXPECT_EQ(FormatFloat(kHuge), "17976931348623157" + std::string(292, '0'));
}

TEST(FormatFloat, ShortDecimalsAreTheShortest) {
  constexpr unsigned kSeed = 5;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 200'000; ++i) {
    // A decimal number of few digits, or its neighbour.
    const uint64_t digits = random() % 10'000'000'000'000'000u >> random() % 50;
    double value = static_cast<double>(digits) / std::pow(10, random() % 5);
    if (i % 4 == 0) value = std::nextafter(value, kInf);
    if (i % 4 == 1) value *= std::sqrt(2);
    if (value != 0 && value < 1e-6) continue;  // in JSON these have an exponent
    ASSERT_EQ(Json(value), FormatFloat(value));
  }
}

TEST(FormatFloat, ReadsBackTheSame) {
  std::mt19937_64 random(42);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(ParseFloat(FormatFloat(value)), value);
    EXPECT_EQ(ParseFloat(FormatFloatG(value)), value);
    EXPECT_EQ(ParseFloat(Json(value)), value);
  }
}

TEST(ParseFloat, AcceptsWhatGoAccepts) {
  const auto f = [](const char* text, double want) {
    const auto got = ParseFloat(text);
    ASSERT_TRUE(got.has_value()) << text;
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(*got)) << text;
    } else {
      EXPECT_EQ(*got, want) << text;
      EXPECT_EQ(std::signbit(*got), std::signbit(want)) << text;
    }
  };
  f("0", 0);
  f("-0", -0.0);
  f("+1", 1);
  f("1.", 1);
  f(".5", 0.5);
  f("-.5e1", -5);
  f("1e+5", 1e5);
  f("1E5", 1e5);
  f("inf", kInf);
  f("+Inf", kInf);
  f("-INF", -kInf);
  f("Infinity", kInf);
  f("-infinity", -kInf);
  f("nan", kNan);
  f("NaN", kNan);
  f("1e-400", 0);
  f("-1e-400", -0.0);
  f("0e400", 0);
  f("0.000001e-9999999999999999999999", 0);
  f("5e-324", kTiny);
  f("1.7976931348623157e308", kHuge);
  f("9007199254740993", 9007199254740992);
  f("1000000000000000000000000000000000000000000e-42", 1);
}

TEST(ParseFloat, RefusesTheRest) {
  for (const char* text : {"",
                           "+",
                           "-",
                           ".",
                           "e5",
                           "1e",
                           "1e+",
                           "+-1",
                           "--1",
                           " 1",
                           "1 ",
                           "1x",
                           "infin",
                           "+nan",
                           "-nan",
                           "nan(1)",
                           "0x10",
                           "0x1p3",
                           "1_0",
                           "1,5",
                           "1e400",
                           "-1e400",
                           "1e99999999999999999",
                           "100000e308",
                           "in",
                           "n"}) {
    EXPECT_EQ(ParseFloat(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseFloat(std::string_view("1\0", 2)), std::nullopt);
}

TEST(ParseIntegers, AreStrict) {
  EXPECT_EQ(ParseInt("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(ParseInt("+7"), 7);
  EXPECT_EQ(ParseUint("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  for (const char* text : {"", "+", "-", "+-1", "1.0", " 1", "1 ", "0x1", "9223372036854775808"}) {
    EXPECT_EQ(ParseInt(text), std::nullopt) << text;
  }
  for (const char* text : {"", "-1", "+1", "1e3", "18446744073709551616"}) {
    EXPECT_EQ(ParseUint(text), std::nullopt) << text;
  }
}

// The wanted texts were printed by Go's strconv.Quote.
TEST(Quote, IsGos) {
  const auto f = [](std::string_view text, std::string_view want) { EXPECT_EQ(Quote(text), want); };
  f("", R"("")");
  f("plain", R"("plain")");
  f("a\"b\\c", R"("a\"b\\c")");
  f("\a\b\f\n\r\t\v", R"("\a\b\f\n\r\t\v")");
  f(std::string_view("\0\x01\x7f", 3), R"("\x00\x01\x7f")");
  f("caf\xC3\xA9 \xF0\x9F\x98\x80", "\"caf\xC3\xA9 \xF0\x9F\x98\x80\"");
  f("\x80\xFF", R"("\x80\xff")");
  f("\xC2\xA0\xE2\x80\x8B\xEF\xBB\xBF", R"("\u00a0\u200b\ufeff")");
  f("\xEF\xBF\xBD", "\"\xEF\xBF\xBD\"");
  f("\xF3\xB0\x80\x80", R"("\U000f0000")");
}

TEST(AppendJsonString, EscapesWhatJsonCannotHold) {
  const auto f = [](std::string_view text, std::string_view json) {
    std::string out;
    AppendJsonString(&out, text);
    EXPECT_EQ(out, json);
  };
  f("", R"("")");
  f("a b\u00e9/", "\"a b\u00e9/\"");
  f("\"\\\n\r\t", R"("\"\\\n\r\t")");
  f(std::string_view("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\"");
}

TEST(IsValidUtf8, RefusesWhatUnicodeRefuses) {
  for (const char* text : {"", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF",
                           "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << Quote(text);
  }
  for (const char* text :
       {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "a\xE2\x28\xA1"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << Quote(text);
  }
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(Split("a,b,,c", ','), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(Split(",", ','), (std::vector<std::string_view>{"", ""}));
}

TEST(Text, TrimsJoinsAndCompares) {
  EXPECT_EQ(TrimSpace(" \t a b \r\n"), "a b");
  EXPECT_EQ(TrimSpace(" \n"), "");
  EXPECT_EQ(ToLower("AbC-\xC3\x89"), "abc-\xC3\x89");
  EXPECT_TRUE(EqualsIgnoreCase("Content-Type", "content-TYPE"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
  EXPECT_EQ(Join({"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(Join({}, ","), "");
  EXPECT_EQ(HexEncode(std::string_view("\x00\xAB\xff", 3)), "00abff");
}

TEST(Base64, RoundTripsAndIsStrict) {
  const auto f = [](const char* plain, const char* coded) {
    EXPECT_EQ(Base64Encode(plain), coded);
    EXPECT_EQ(Base64Decode(coded), plain);
  };
  f("", "");
  f("f", "Zg==");
  f("fo", "Zm8=");
  f("foo", "Zm9v");
  f("user:p\xC3\xA4ss", "dXNlcjpww6Rzcw==");
  f("\xFB\xFF", "+/8=");
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg==Zg==", "=g==", "Z===", "Zm9v\n", "Zm-_", "===="}) {
    EXPECT_EQ(Base64Decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tributary::base
