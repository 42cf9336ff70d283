#include "scrape/exposition.h"

#include <utility>

#include "base/strings.h"
#include "wire/custom_buckets_parser.h"
#include "wire/protobuf_parser.h"

namespace tributary::scrape {
namespace {

using config::ScrapeProtocol;

// Known protocols plus one: the weight of the first choice, whatever the list holds.
constexpr int kFirstWeight = 6;

std::string_view EscapingName(config::NameEscaping escaping) {
  switch (escaping) {
    case config::NameEscaping::kAllowUtf8:
      return "allow-utf-8";
    case config::NameEscaping::kUnderscores:
      return "underscores";
    case config::NameEscaping::kDots:
      return "dots";
    case config::NameEscaping::kValues:
      return "values";
  }
  return "allow-utf-8";
}

std::string_view MediaType(ScrapeProtocol protocol) {
  switch (protocol) {
    case ScrapeProtocol::kPrometheusProto:
      return "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
             "encoding=delimited";
    case ScrapeProtocol::kOpenMetricsText1_0_0:
      return "application/openmetrics-text;version=1.0.0";
    case ScrapeProtocol::kOpenMetricsText0_0_1:
      return "application/openmetrics-text;version=0.0.1";
    case ScrapeProtocol::kPrometheusText1_0_0:
      return "text/plain;version=1.0.0";
    case ScrapeProtocol::kPrometheusText0_0_4:
      return "text/plain;version=0.0.4";
  }
  return "";
}

bool CarriesEscaping(ScrapeProtocol protocol) {
  return protocol == ScrapeProtocol::kOpenMetricsText1_0_0 ||
         protocol == ScrapeProtocol::kPrometheusText1_0_0;
}

enum class Format : unsigned char { kText, kOpenMetrics, kProtobuf };

Format FormatOf(ScrapeProtocol protocol) {
  switch (protocol) {
    case ScrapeProtocol::kPrometheusProto:
      return Format::kProtobuf;
    case ScrapeProtocol::kOpenMetricsText0_0_1:
    case ScrapeProtocol::kOpenMetricsText1_0_0:
      return Format::kOpenMetrics;
    case ScrapeProtocol::kPrometheusText0_0_4:
    case ScrapeProtocol::kPrometheusText1_0_0:
      break;
  }
  return Format::kText;
}

base::Result<Format> FormatOf(std::string_view content_type,
                              std::optional<ScrapeProtocol> fallback) {
  const std::string media =
      base::ToLower(base::TrimSpace(content_type.substr(0, content_type.find(';'))));
  if (media == "text/plain") {
    return Format::kText;
  }
  if (media == "application/openmetrics-text") {
    return Format::kOpenMetrics;
  }
  if (media == "application/vnd.google.protobuf") {
    return Format::kProtobuf;
  }
  if (fallback) {
    return FormatOf(*fallback);
  }
  if (media.empty()) {
    return base::InvalidArgument(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
        "specified for target");
  }
  return base::InvalidArgument("received unsupported Content-Type \"" + std::string(content_type) +
                               "\" and no fallback_scrape_protocol specified for target");
}

}  // namespace

std::string AcceptHeader(const std::vector<ScrapeProtocol>& protocols,
                         config::NameEscaping escaping) {
  std::string header;
  int weight = kFirstWeight;
  for (const ScrapeProtocol protocol : protocols) {
    header.append(MediaType(protocol));
    if (CarriesEscaping(protocol)) {
      header.append(";escaping=").append(EscapingName(escaping));
    }
    header.append(";q=0.").append(std::to_string(weight--)).push_back(',');
  }
  header.append("*/*;q=0.").append(std::to_string(weight));
  return header;
}

base::Result<std::unique_ptr<wire::ExpositionParser>> ParserFor(std::string_view content_type,
                                                                const PageOptions& options,
                                                                std::string_view body) {
  ASSIGN_OR_RETURN(const Format format, FormatOf(content_type, options.fallback));
  std::unique_ptr<wire::ExpositionParser> parser;
  switch (format) {
    case Format::kProtobuf:
      return wire::NewProtobufParser(body, {.native_histograms = options.native_histograms,
                                            .classic_histograms = options.classic_histograms,
                                            .custom_buckets = options.custom_buckets});
    case Format::kOpenMetrics:
      parser = wire::NewOpenMetricsParser(body, options.keep_starts);
      break;
    case Format::kText:
      parser = wire::NewTextParser(body);
      break;
  }
  if (options.custom_buckets) {
    parser = wire::NewCustomBucketsParser(std::move(parser), options.classic_histograms);
  }
  return parser;
}

}  // namespace tributary::scrape
