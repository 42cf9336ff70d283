#include "remote/send/request_text.h"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/compression.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {
namespace {

constexpr size_t kMaxMessageBytes = 64 << 20;

class TextWriter final : public wire::WriteVisitorV2 {
 public:
  explicit TextWriter(size_t max_bytes) : max_bytes_(max_bytes) {}

  void OnSymbols(std::span<const std::string_view> symbols) override { symbols_ = symbols; }

  void OnSeries(const wire::WriteSeriesV2& series) override {
    if (left_out_ > 0 || text_.size() >= max_bytes_) {
      ++left_out_;
      return;
    }
    wire::ResolveLabelsV2(series, symbols_, &labels_);
    text_ += text_.empty() ? "{" : ", {";
    for (size_t i = 0; i < labels_.size(); ++i) {
      text_ += fmt::format("{}{}={}", i == 0 ? "" : ", ", labels_[i].name,
                           base::Quote(labels_[i].value));
    }
    text_ += '}';
    for (const wire::WriteSampleV2& sample : series.samples) {
      text_ += ' ';
      base::AppendFloat(&text_, sample.v);
      text_ += fmt::format("@{}", sample.t);
    }
    const auto count = [&](size_t n, std::string_view what) {
      if (n > 0) text_ += fmt::format(" {} {}", n, what);
    };
    count(series.histograms.size(), "histograms");
    count(series.exemplars.size(), "exemplars");
  }

  std::string Text() && {
    if (left_out_ > 0) text_ += fmt::format(" and {} series more", left_out_);
    return std::move(text_);
  }

 private:
  const size_t max_bytes_;
  std::span<const std::string_view> symbols_;
  std::vector<model::Label> labels_;
  std::string text_;
  uint64_t left_out_ = 0;
};

}  // namespace

std::string TextOfRequest(const Shipment& shipment, size_t max_bytes) {
  std::string message;
  const base::Bytes body = base::AsBytes(shipment.body);
  TextWriter writer(max_bytes);
  std::vector<std::string_view> symbols;
  base::Status status = shipment.form.zstd ? wire::ZstdDecode(body, kMaxMessageBytes, &message)
                                           : wire::SnappyDecode(body, kMaxMessageBytes, &message);
  if (status) status = wire::DecodeWriteV2(message, &symbols, &writer);
  return status ? std::move(writer).Text() : status.error().message();
}

}  // namespace tributary::remote
