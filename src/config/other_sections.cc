#include "config/other_sections.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "config/http_client_config.h"
#include "config/relabel_config.h"
#include "config/remote_write_config.h"
#include "config/sd_config.h"

namespace tributary::config {
namespace {

void PrintDuration(const char* key, int64_t ms, YamlNode* out) {
  if (ms != 0) out->SetString(key, base::FormatDurationMs(ms));
}

YamlNode ReadAlertmanager(MapReader& reader, NameValidation validation) {
  net::HttpClientOptions http = DefaultHttpClient();
  std::string scheme = "http";
  std::string path_prefix;
  std::string api_version = "v2";
  int64_t timeout_ms = 10'000;
  model::Relabeler target_relabeler;
  model::Relabeler alert_relabeler;
  std::vector<SdConfig> sd_configs;
  reader.String("scheme", &scheme);
  reader.String("path_prefix", &path_prefix);
  reader.DurationMs("timeout", &timeout_ms);
  reader.String("api_version", &api_version);
  if (api_version != "v2") {
    reader.Fail("api_version", fmt::format("expected Alertmanager api version to be v2, got {}",
                                           base::Quote(api_version)));
  }
  ReadHttpClient(reader, &http);
  ReadSigV4(reader, &http);
  if (http.sigv4 && (http.basic_auth || http.authorization || http.oauth2)) {
    reader.FailHere(
        "at most one of basic_auth, authorization, oauth2 and sigv4 must be configured");
  }
  ReadSdConfigs(reader, &sd_configs);
  ReadRelabeler(reader, "relabel_configs", validation, &target_relabeler);
  ReadRelabeler(reader, "alert_relabel_configs", validation, &alert_relabeler);
  if (reader.Take("relabel_configs") == nullptr) CheckStaticTargets(reader, sd_configs);

  YamlNode out = YamlNode::Map();
  PrintHttpClient(http, &out);
  if (http.sigv4) PrintSigV4(*http.sigv4, &out);
  out.SetUnlessEmpty("scheme", scheme);
  out.SetUnlessEmpty("path_prefix", path_prefix);
  PrintDuration("timeout", timeout_ms, &out);
  out.SetString("api_version", api_version);
  PrintRelabeler(target_relabeler, "relabel_configs", &out);
  PrintRelabeler(alert_relabeler, "alert_relabel_configs", &out);
  PrintSdConfigs(sd_configs, &out);
  return out;
}

void CheckAttributes(MapReader& reader, std::string_view key,
                     const std::vector<std::string>& attributes) {
  std::vector<std::string_view> seen;
  for (const std::string& attribute : attributes) {
    const std::string_view trimmed = base::TrimSpace(attribute);
    if (trimmed.empty()) {
      reader.Fail(key, "empty OTel resource attribute");
    } else if (std::ranges::find(seen, trimmed) != seen.end()) {
      reader.Fail(key, fmt::format("duplicated OTel resource attribute {}", base::Quote(trimmed)));
    } else {
      seen.push_back(trimmed);
    }
  }
}

}  // namespace

YamlNode ReadAlerting(MapReader& root, NameValidation validation) {
  YamlNode out = YamlNode::Map();
  root.Map("alerting", [&](MapReader& reader) {
    model::Relabeler relabeler;
    ReadRelabeler(reader, "alert_relabel_configs", validation, &relabeler);
    PrintRelabeler(relabeler, "alert_relabel_configs", &out);
    YamlNode alertmanagers = YamlNode::Sequence();
    reader.EachMap("alertmanagers", [&](MapReader& child) {
      alertmanagers.Append(ReadAlertmanager(child, validation));
    });
    if (!alertmanagers.empty()) out.Set("alertmanagers", std::move(alertmanagers));
  });
  return out;
}

YamlNode ReadRemoteRead(MapReader& root) {
  YamlNode out = YamlNode::Sequence();
  std::vector<std::string> names;
  root.EachMap("remote_read", [&](MapReader& reader) {
    net::HttpClientOptions http = DefaultHttpClient();
    std::string url;
    std::string name;
    int64_t remote_timeout_ms = 60'000;
    uint64_t chunked_read_limit = 50'000'000;
    bool read_recent = false;
    bool filter_external_labels = true;
    std::map<std::string, std::string> headers;
    std::map<std::string, std::string> required_matchers;
    reader.String("url", &url);
    reader.String("name", &name);
    reader.DurationMs("remote_timeout", &remote_timeout_ms);
    reader.Uint("chunked_read_limit", &chunked_read_limit);
    reader.StringMap("headers", &headers);
    reader.Bool("read_recent", &read_recent);
    reader.StringMap("required_matchers", &required_matchers);
    reader.Bool("filter_external_labels", &filter_external_labels);
    ReadHttpClient(reader, &http);
    if (url.empty()) reader.FailHere("url for remote_read is empty");
    CheckRemoteHeaders(reader, headers);
    if (!name.empty() && std::ranges::find(names, name) != names.end()) {
      reader.Fail("name", fmt::format("found multiple remote read configs with job name {}",
                                      base::Quote(name)));
    }
    names.push_back(name);

    YamlNode shown = YamlNode::Map();
    shown.SetString("url", RedactUrl(url));
    PrintDuration("remote_timeout", remote_timeout_ms, &shown);
    if (chunked_read_limit != 0) {
      shown.SetPlain("chunked_read_limit", std::to_string(chunked_read_limit));
    }
    shown.SetUnlessEmpty("headers", headers);
    shown.SetIfTrue("read_recent", read_recent);
    shown.SetUnlessEmpty("name", name);
    PrintHttpClient(http, &shown);
    shown.SetUnlessEmpty("required_matchers", required_matchers);
    shown.SetIfTrue("filter_external_labels", filter_external_labels);
    out.Append(std::move(shown));
  });
  return out;
}

YamlNode ReadTracing(MapReader& root) {
  YamlNode out = YamlNode::Map();
  root.Map("tracing", [&](MapReader& reader) {
    net::HttpClientOptions http;
    std::string client_type = "grpc";
    std::string endpoint;
    std::string compression;
    double sampling_fraction = 0;
    bool insecure = false;
    int64_t timeout_ms = 0;
    std::map<std::string, std::string> headers;
    reader.String("client_type", &client_type);
    reader.String("endpoint", &endpoint);
    reader.Double("sampling_fraction", &sampling_fraction);
    reader.Bool("insecure", &insecure);
    reader.StringMap("headers", &headers);
    reader.String("compression", &compression);
    reader.DurationMs("timeout", &timeout_ms);
    reader.Map("tls_config", [&](MapReader& tls) { ReadTls(tls, &http.tls); });
    if (client_type != "grpc" && client_type != "http") {
      reader.Fail("client_type",
                  fmt::format("expected tracing client type to be http or grpc, got {}",
                              base::Quote(client_type)));
    }
    if (endpoint.empty()) reader.FailHere("tracing endpoint must be set");
    if (!compression.empty() && compression != "gzip") {
      reader.Fail("compression", fmt::format("invalid compression type {}, valid options: gzip",
                                             base::Quote(compression)));
    }
    CheckRemoteHeaders(reader, headers);

    out.SetUnlessEmpty("client_type", client_type);
    out.SetUnlessEmpty("endpoint", endpoint);
    if (sampling_fraction != 0) {
      out.SetPlain("sampling_fraction", base::FormatFloatG(sampling_fraction));
    }
    out.SetIfTrue("insecure", insecure);
    PrintTls(http.tls, &out);
    out.SetUnlessEmpty("headers", headers);
    out.SetUnlessEmpty("compression", compression);
    PrintDuration("timeout", timeout_ms, &out);
  });
  return out;
}

YamlNode ReadOtlp(MapReader& root, NameValidation validation) {
  bool promote_all = false;
  std::vector<std::string> promote;
  std::vector<std::string> ignore;
  std::string strategy = "UnderscoreEscapingWithSuffixes";
  bool keep_identifying = false;
  bool to_nhcb = false;
  bool promote_scope = false;
  bool sanitize_underscores = true;
  bool preserve_underscores = true;
  root.Map("otlp", [&](MapReader& reader) {
    reader.Bool("promote_all_resource_attributes", &promote_all);
    reader.Strings("promote_resource_attributes", &promote);
    reader.Strings("ignore_resource_attributes", &ignore);
    reader.String("translation_strategy", &strategy);
    reader.Bool("keep_identifying_resource_attributes", &keep_identifying);
    reader.Bool("convert_histograms_to_nhcb", &to_nhcb);
    reader.Bool("promote_scope_metadata", &promote_scope);
    reader.Bool("label_name_underscore_sanitization", &sanitize_underscores);
    reader.Bool("label_name_preserve_multiple_underscores", &preserve_underscores);
    if (promote_all && !promote.empty()) {
      reader.FailHere(
          "promote_all_resource_attributes and promote_resource_attributes cannot be configured "
          "simultaneously");
    }
    if (!promote_all && !ignore.empty()) {
      reader.FailHere(
          "ignore_resource_attributes cannot be configured unless "
          "promote_all_resource_attributes is true");
    }
    CheckAttributes(reader, "promote_resource_attributes", promote);
    CheckAttributes(reader, "ignore_resource_attributes", ignore);
    const bool keeps_utf8 = strategy == "NoTranslation" || strategy == "NoUTF8EscapingWithSuffixes";
    if (keeps_utf8 && validation == NameValidation::kLegacy) {
      reader.Fail("translation_strategy",
                  fmt::format("{} is not allowed when UTF8 is disabled", base::Quote(strategy)));
    } else if (!keeps_utf8 && !strategy.empty() && strategy != "UnderscoreEscapingWithSuffixes" &&
               strategy != "UnderscoreEscapingWithoutSuffixes") {
      reader.Fail("translation_strategy",
                  fmt::format("unsupported OTLP translation strategy {}", base::Quote(strategy)));
    }
  });
  YamlNode out = YamlNode::Map();
  out.SetIfTrue("promote_all_resource_attributes", promote_all);
  out.SetUnlessEmpty("promote_resource_attributes", promote);
  out.SetUnlessEmpty("ignore_resource_attributes", ignore);
  out.SetUnlessEmpty("translation_strategy", strategy);
  out.SetIfTrue("keep_identifying_resource_attributes", keep_identifying);
  out.SetIfTrue("convert_histograms_to_nhcb", to_nhcb);
  out.SetIfTrue("promote_scope_metadata", promote_scope);
  out.SetIfTrue("label_name_underscore_sanitization", sanitize_underscores);
  out.SetIfTrue("label_name_preserve_multiple_underscores", preserve_underscores);
  return out;
}

YamlNode ReadRuntime(MapReader& root) {
  int64_t gogc = 75;
  root.Map("runtime", [&](MapReader& reader) { reader.Int("gogc", &gogc); });
  YamlNode out = YamlNode::Map();
  out.SetPlain("gogc", std::to_string(gogc));
  return out;
}

}  // namespace tributary::config
