#include "config/remote_write_config.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/hash.h"
#include "base/strings.h"
#include "config/cloud_auth_config.h"
#include "config/http_client_config.h"
#include "config/relabel_config.h"

namespace tributary::config {
namespace {

constexpr EnumName<WriteMessage> kMessages[] = {
    {"prometheus.WriteRequest", WriteMessage::kV1},
    {"io.prometheus.write.v2.Request", WriteMessage::kV2},
};

constexpr std::array<std::string_view, 16> kReservedHeaders = {
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
};

void RequirePositive(MapReader& reader, std::string_view key, uint64_t value) {
  if (value == 0) reader.Fail(key, fmt::format("remote write queue {} must be positive", key));
}

void ReadQueue(MapReader& reader, QueueConfig* out) {
  reader.Uint("capacity", &out->capacity);
  reader.Uint("max_shards", &out->max_shards);
  reader.Uint("min_shards", &out->min_shards);
  out->max_samples_per_send_is_default = reader.Take("max_samples_per_send") == nullptr;
  reader.Uint("max_samples_per_send", &out->max_samples_per_send);
  reader.DurationMs("batch_send_deadline", &out->batch_send_deadline_ms);
  reader.DurationMs("min_backoff", &out->min_backoff_ms);
  reader.DurationMs("max_backoff", &out->max_backoff_ms);
  reader.Bool("retry_on_http_429", &out->retry_on_http_429);
  reader.DurationMs("sample_age_limit", &out->sample_age_limit_ms);
  RequirePositive(reader, "max_shards", out->max_shards);
  RequirePositive(reader, "min_shards", out->min_shards);
  RequirePositive(reader, "max_samples_per_send", out->max_samples_per_send);
  RequirePositive(reader, "capacity", out->capacity);
  if (out->min_shards > out->max_shards) {
    reader.Fail("min_shards", "remote write queue min_shards must not be greater than max_shards");
  }
  if (out->max_backoff_ms < out->min_backoff_ms) {
    reader.Fail("max_backoff", "remote write queue max_backoff must not be less than min_backoff");
  }
}

void ReadMetadata(MapReader& reader, MetadataConfig* out) {
  reader.Bool("send", &out->send);
  reader.DurationMs("send_interval", &out->send_interval_ms);
  reader.Uint("max_samples_per_send", &out->max_samples_per_send);
}

void CheckOneAuthentication(MapReader& reader, const net::HttpClientOptions& http) {
  std::vector<std::string> configured;
  if (http.basic_auth) configured.emplace_back("basic_auth");
  if (http.authorization) configured.emplace_back("authorization");
  if (http.oauth2) configured.emplace_back("oauth2");
  if (http.sigv4) configured.emplace_back("sigv4");
  if (http.azuread) configured.emplace_back("azuread");
  if (http.google_iam) configured.emplace_back("google_iam");
  if (configured.size() > 1) {
    reader.FailHere(
        fmt::format("at most one of basic_auth, authorization, oauth2, sigv4, azuread or "
                    "google_iam must be configured. Currently configured: {}",
                    base::Join(configured, ", ")));
  }
}

std::string ShortHash(std::string_view text) {
  return fmt::format("{:016x}", base::Hash64(text)).substr(0, 6);
}

std::string Identity(const RemoteWriteConfig& config) {
  std::string identity = RedactUrl(config.url);
  for (const auto& [name, value] : config.headers) {
    identity += fmt::format("\n{}\n{}", name, value);
  }
  return identity;
}

}  // namespace

void CheckRemoteHeaders(MapReader& reader, const std::map<std::string, std::string>& headers) {
  for (const auto& [name, value] : headers) {
    const std::string lower = base::ToLower(name);
    if (lower == "authorization") {
      reader.Fail("headers",
                  "the authorization header must be changed via the basic_auth, authorization, "
                  "oauth2, sigv4, azuread or google_iam parameter");
    } else if (std::ranges::find(kReservedHeaders, lower) != kReservedHeaders.end()) {
      reader.Fail("headers", fmt::format("{} is a reserved header. It must not be changed", name));
    }
  }
}

RemoteWriteConfig ReadRemoteWrite(MapReader& reader, NameValidation validation) {
  RemoteWriteConfig config;
  reader.String("url", &config.url);
  reader.String("name", &config.name);
  reader.DurationMs("remote_timeout", &config.remote_timeout_ms);
  config.protobuf_message_is_default = reader.Take("protobuf_message") == nullptr;
  reader.Enum("protobuf_message", kMessages, &config.protobuf_message);
  reader.StringMap("headers", &config.headers);
  ReadRelabeler(reader, "write_relabel_configs", validation, &config.write_relabel_configs);
  reader.Bool("send_exemplars", &config.send_exemplars);
  reader.Bool("send_native_histograms", &config.send_native_histograms);
  reader.Bool("round_robin_dns", &config.round_robin_dns);
  reader.Bool("failed_request_logging", &config.failed_request_logging);
  ReadHttpClient(reader, &config.http);
  config.http.shuffle_addresses = config.round_robin_dns;
  ReadSigV4(reader, &config.http);
  ReadCloudAuth(reader, &config.http);
  reader.Map("queue_config", [&](MapReader& child) { ReadQueue(child, &config.queue); });
  reader.Map("metadata_config", [&](MapReader& child) { ReadMetadata(child, &config.metadata); });

  if (config.url.empty()) reader.FailHere("url for remote_write is empty");
  CheckRemoteHeaders(reader, config.headers);
  CheckOneAuthentication(reader, config.http);
  return config;
}

YamlNode PrintRemoteWrite(const RemoteWriteConfig& config) {
  YamlNode out = YamlNode::Map();
  out.SetString("url", RedactUrl(config.url));
  out.SetString("remote_timeout", base::FormatDurationMs(config.remote_timeout_ms));
  if (!config.headers.empty()) {
    YamlNode headers = YamlNode::Map();
    for (const auto& [name, value] : config.headers) headers.SetString(name, value);
    out.Set("headers", std::move(headers));
  }
  PrintRelabeler(config.write_relabel_configs, "write_relabel_configs", &out);
  // One that we made is not shown.
  if (config.name != ShortHash(Identity(config))) out.SetUnlessEmpty("name", config.name);
  out.SetIfTrue("send_exemplars", config.send_exemplars);
  out.SetIfTrue("send_native_histograms", config.send_native_histograms);
  out.SetIfTrue("round_robin_dns", config.round_robin_dns);
  for (const auto& [name, value] : kMessages) {
    if (value == config.protobuf_message) out.SetString("protobuf_message", std::string(name));
  }
  out.SetIfTrue("failed_request_logging", config.failed_request_logging);
  PrintHttpClient(config.http, &out);
  YamlNode queue = YamlNode::Map();
  queue.SetPlain("capacity", std::to_string(config.queue.capacity));
  queue.SetPlain("max_shards", std::to_string(config.queue.max_shards));
  queue.SetPlain("min_shards", std::to_string(config.queue.min_shards));
  queue.SetPlain("max_samples_per_send", std::to_string(config.queue.max_samples_per_send));
  queue.SetString("batch_send_deadline",
                  base::FormatDurationMs(config.queue.batch_send_deadline_ms));
  queue.SetString("min_backoff", base::FormatDurationMs(config.queue.min_backoff_ms));
  queue.SetString("max_backoff", base::FormatDurationMs(config.queue.max_backoff_ms));
  if (config.queue.retry_on_http_429) queue.SetBool("retry_on_http_429", true);
  if (config.queue.sample_age_limit_ms != 0) {
    queue.SetString("sample_age_limit", base::FormatDurationMs(config.queue.sample_age_limit_ms));
  }
  out.Set("queue_config", std::move(queue));
  YamlNode metadata = YamlNode::Map();
  metadata.SetBool("send", config.metadata.send);
  metadata.SetString("send_interval", base::FormatDurationMs(config.metadata.send_interval_ms));
  metadata.SetPlain("max_samples_per_send", std::to_string(config.metadata.max_samples_per_send));
  out.Set("metadata_config", std::move(metadata));
  if (config.http.sigv4) PrintSigV4(*config.http.sigv4, &out);
  PrintCloudAuth(config.http, &out);
  return out;
}

void NameRemoteWrites(MapReader& root, std::vector<RemoteWriteConfig>* configs) {
  std::vector<std::string> names;
  for (const RemoteWriteConfig& config : *configs) {
    if (config.name.empty()) continue;
    if (std::ranges::find(names, config.name) != names.end()) {
      root.Fail("remote_write", fmt::format("found multiple remote write configs with job name {}",
                                            base::Quote(config.name)));
    }
    names.push_back(config.name);
  }
  std::vector<std::string> texts;
  for (RemoteWriteConfig& config : *configs) {
    if (!config.name.empty()) continue;
    std::string text = RenderYaml(PrintRemoteWrite(config));
    if (std::ranges::find(texts, text) != texts.end()) {
      root.Fail("remote_write", fmt::format("duplicate remote write configs are not allowed, found "
                                            "duplicate for URL: {}",
                                            RedactUrl(config.url)));
      continue;
    }
    config.name = ShortHash(Identity(config));
    if (std::ranges::find(names, config.name) != names.end()) config.name = ShortHash(text);
    names.push_back(config.name);
    texts.push_back(std::move(text));
  }
}

}  // namespace tributary::config
