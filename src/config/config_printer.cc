#include "config/config_printer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/duration.h"
#include "base/strings.h"
#include "config/http_client_config.h"
#include "config/remote_write_config.h"
#include "config/scrape_config.h"
#include "config/size_text.h"

namespace tributary::config {
namespace {

// Fields whose values are never shown, wherever they stand.
constexpr std::array<std::string_view, 8> kSecretFields = {
    "password",   "credentials", "bearer_token",           "client_secret",
    "secret_key", "key",         "client_certificate_key", "secrets"};

void HideSecrets(YamlNode* node);

void HideAll(YamlNode* node) {
  if (node->is_scalar()) *node = YamlNode::Plain(std::string(kSecretText));
  for (YamlNode& item : node->items) HideAll(&item);
  for (YamlEntry& entry : node->entries) HideAll(&entry.value);
}

void HideSecrets(YamlNode* node) {
  for (YamlNode& item : node->items) HideSecrets(&item);
  for (YamlEntry& entry : node->entries) {
    if (std::ranges::find(kSecretFields, entry.key) != kSecretFields.end() ||
        entry.key == "proxy_connect_header") {
      HideAll(&entry.value);
    } else if (entry.value.is_scalar()) {
      entry.value.scalar = RedactUrl(entry.value.scalar);
    } else {
      HideSecrets(&entry.value);
    }
  }
}

void Repeat(const YamlNode& document, const char* key, YamlNode* out) {
  const YamlNode* section = document.Find(key);
  if (section == nullptr || section->empty()) return;
  YamlNode copy = *section;
  HideSecrets(&copy);
  out->Set(key, std::move(copy));
}

void PrintPaths(const std::vector<std::string>& paths, const char* key, YamlNode* out) {
  if (paths.empty()) return;
  YamlNode list = YamlNode::Sequence();
  for (const std::string& path : paths) list.Append(YamlNode::String(path));
  out->Set(key, std::move(list));
}

void PrintStorage(const Config& config, YamlNode* out) {
  YamlNode tsdb = YamlNode::Map();
  if (config.tsdb.out_of_order_time_window_ms != 0) {
    tsdb.SetString("out_of_order_time_window",
                   base::FormatDurationMs(config.tsdb.out_of_order_time_window_ms));
  }
  if (config.tsdb.xor2) {
    YamlNode encoding = YamlNode::Map();
    encoding.SetString("floats", "xor2");
    tsdb.Set("chunk_encoding", std::move(encoding));
  }
  if (config.tsdb.has_retention) {
    YamlNode retention = YamlNode::Map();
    if (config.tsdb.retention_time_ms != 0) {
      retention.SetString("time", base::FormatDurationMs(config.tsdb.retention_time_ms));
    }
    if (config.tsdb.retention_size_bytes != 0) {
      retention.SetString("size", FormatSize(config.tsdb.retention_size_bytes));
    }
    if (config.tsdb.retention_percentage != 0) {
      retention.SetPlain("percentage", base::FormatFloatG(config.tsdb.retention_percentage));
    }
    if (!retention.entries.empty()) tsdb.Set("retention", std::move(retention));
  }
  YamlNode storage = YamlNode::Map();
  if (!tsdb.entries.empty()) storage.Set("tsdb", std::move(tsdb));
  if (config.max_exemplars != Config{}.max_exemplars) {
    YamlNode exemplars = YamlNode::Map();
    exemplars.SetPlain("max_exemplars", std::to_string(config.max_exemplars));
    storage.Set("exemplars", std::move(exemplars));
  }
  if (!storage.entries.empty()) out->Set("storage", std::move(storage));
}

}  // namespace

std::string PrintConfig(const Config& config, const GlobalSection& global, size_t main_jobs,
                        const YamlNode& document) {
  YamlNode out = YamlNode::Map();
  PrintGlobal(global, &out);
  Repeat(document, "runtime", &out);
  Repeat(document, "alerting", &out);
  PrintPaths(config.rule_files, "rule_files", &out);
  PrintPaths(config.scrape_config_files, "scrape_config_files", &out);
  if (main_jobs != 0) {
    YamlNode jobs = YamlNode::Sequence();
    for (size_t i = 0; i < main_jobs; ++i) {
      jobs.Append(PrintScrapeConfig(config.scrape_configs[i]));
    }
    out.Set("scrape_configs", std::move(jobs));
  }
  PrintStorage(config, &out);
  Repeat(document, "tracing", &out);
  if (!config.remote_write.empty()) {
    YamlNode writes = YamlNode::Sequence();
    for (const RemoteWriteConfig& write : config.remote_write) {
      writes.Append(PrintRemoteWrite(write));
    }
    out.Set("remote_write", std::move(writes));
  }
  Repeat(document, "remote_read", &out);
  Repeat(document, "otlp", &out);
  return RenderYaml(out);
}

std::string PrintScrapePool(const ScrapeConfig& config) {
  return RenderYaml(PrintScrapeConfig(config));
}

}  // namespace tributary::config
