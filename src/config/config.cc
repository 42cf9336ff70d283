#include "config/config.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "config/config_printer.h"
#include "config/file_pattern.h"
#include "config/global_config.h"
#include "config/other_sections.h"
#include "config/remote_write_config.h"
#include "config/scrape_config.h"
#include "config/yaml_document.h"
#include "config/yaml_reader.h"

namespace tributary::config {
namespace {

// Which file each job was read from.
using JobOrigins = std::map<std::string, std::string>;

void AddJob(MapReader& reader, ScrapeConfig job, const std::string& origin, JobOrigins* origins,
            Config* config) {
  const auto [known, is_new] = origins->emplace(job.job_name, origin);
  if (!is_new && !job.job_name.empty()) {
    reader.FailHere(fmt::format("found multiple scrape configs with job name {}, first found in {}",
                                base::Quote(job.job_name), known->second));
  }
  config->scrape_configs.push_back(std::move(job));
}

void ReadJobs(MapReader& root, const ScrapeDefaults& defaults, const std::string& origin,
              JobOrigins* origins, Config* config) {
  root.EachMap("scrape_configs", [&](MapReader& reader) {
    AddJob(reader, ReadScrapeConfig(reader, defaults), origin, origins, config);
  });
}

void ReadPatterns(MapReader& root, std::string_view key, std::vector<std::string>* out) {
  root.Paths(key, out);
  for (const std::string& pattern : *out) {
    if (!IsFilePattern(pattern)) {
      root.Fail(key, fmt::format("invalid path {}: expected * only in the last segment",
                                 base::Quote(pattern)));
    }
  }
}

void ReadTsdb(MapReader& reader, TsdbConfig* out) {
  reader.DurationMs("out_of_order_time_window", &out->out_of_order_time_window_ms);
  reader.Take("outofordertimewindow");  // shown by Prometheus, and without effect when read
  reader.Double("stale_series_compaction_threshold", &out->stale_series_compaction_threshold);
  if (out->stale_series_compaction_threshold != 0)
    reader.Unserved("stale_series_compaction_threshold");
  reader.Map("chunk_encoding", [&](MapReader& child) {
    child.String("floats", &out->float_encoding);
    const std::string& floats = out->float_encoding;
    if (floats == "xor" || floats == "xor2") {
      out->xor2 = floats == "xor2";
    } else if (!floats.empty()) {
      child.Fail("floats", fmt::format("must be xor or xor2, got {}", base::Quote(floats)));
    }
  });
  reader.Map("retention", [&](MapReader& child) {
    out->retention_time_ms = 0;
    out->retention_size_bytes = 0;
    child.DurationMs("time", &out->retention_time_ms);
    child.Size("size", &out->retention_size_bytes);
    child.Double("percentage", &out->retention_percentage);
    if (out->retention_percentage < 0 || out->retention_percentage > 100) {
      child.Fail("percentage", "must be in the range [0, 100]");
    }
  });
}

void ReadStorage(MapReader& root, const LoadOptions& options, Config* config) {
  config->tsdb.xor2 = options.xor2;
  config->tsdb.retention_time_ms = options.retention_time_ms;
  config->tsdb.retention_size_bytes = options.retention_size_bytes;
  config->has_exemplars = options.exemplar_storage;
  root.Map("storage", [&](MapReader& storage) {
    storage.Map("tsdb", [&](MapReader& reader) { ReadTsdb(reader, &config->tsdb); });
    storage.Map("exemplars", [&](MapReader& reader) {
      config->has_exemplars = true;
      int64_t max_exemplars = static_cast<int64_t>(config->max_exemplars);
      reader.Int("max_exemplars", &max_exemplars);
      // Zero and less switch the store off.
      config->max_exemplars = max_exemplars < 0 ? 0 : static_cast<uint64_t>(max_exemplars);
    });
  });
}

// An alerting section whose lists are empty says nothing.
bool HasAlerting(const YamlNode* alerting) {
  if (alerting == nullptr) return false;
  for (const YamlEntry& entry : alerting->entries) {
    if (!entry.value.empty()) return true;
  }
  return false;
}

// Sections beyond what an agent may have.
void ReadServerSections(MapReader& root, NameValidation validation, bool agent, Config* config,
                        OtherSections* others) {
  ReadPatterns(root, "rule_files", &config->rule_files);
  config->has_alerting = HasAlerting(root.Take("alerting"));
  others->alerting = ReadAlerting(root, validation);
  const YamlNode* remote_read = root.Take("remote_read");
  config->has_remote_read = remote_read != nullptr && !remote_read->empty();
  others->remote_read = ReadRemoteRead(root);
  if (agent) {
    if (config->has_alerting) root.Fail("alerting", "is not allowed in agent mode");
    if (!config->rule_files.empty()) root.Fail("rule_files", "is not allowed in agent mode");
    if (config->has_remote_read) root.Fail("remote_read", "is not allowed in agent mode");
  }
  for (const char* key : {"alerting", "rule_files", "remote_read"}) root.Unserved(key);
}

// The scrape_configs of the files that config->scrape_config_files names.
base::Status ReadJobFiles(base::FileSystem& fs, const ScrapeDefaults& defaults, JobOrigins* origins,
                          Config* config) {
  for (const std::string& pattern : config->scrape_config_files) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, ExpandFilePattern(fs, pattern));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(file));
      ASSIGN_OR_RETURN(const YamlNode document, ParseYaml(text, file));
      ReadContext context(file, base::DirName(file));
      MapReader root(&document, "", context);
      ReadJobs(root, defaults, base::Quote(file), origins, config);
      root.Finish();
      RETURN_IF_ERROR(context.status());
      for (const std::string& unserved : context.unserved()) {
        config->unserved.push_back(fmt::format("{}: {}", file, unserved));
      }
    }
  }
  return {};
}

}  // namespace

base::Result<std::shared_ptr<const Config>> LoadConfig(base::FileSystem& fs,
                                                       const std::string& path,
                                                       const LoadOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  return ParseConfig(fs, text, path, base::DirName(path), options);
}

base::Result<std::shared_ptr<const Config>> ParseConfig(base::FileSystem& fs, std::string_view text,
                                                        const std::string& name,
                                                        const std::string& dir,
                                                        const LoadOptions& options) {
  ASSIGN_OR_RETURN(const YamlNode document, ParseYaml(text, name));
  auto config = std::make_shared<Config>();
  ReadContext context(name, dir);
  MapReader root(&document, "", context);
  JobOrigins origins;

  const GlobalSection section = ReadGlobal(root, options);
  const NameValidation validation = section.defaults.name_validation;
  config->global = section.global;
  OtherSections others;
  others.runtime = ReadRuntime(root);
  ReadJobs(root, section.defaults, "the main config file", &origins, config.get());
  ReadPatterns(root, "scrape_config_files", &config->scrape_config_files);
  ReadStorage(root, options, config.get());
  root.EachMap("remote_write", [&](MapReader& reader) {
    config->remote_write.push_back(ReadRemoteWrite(reader, validation));
  });
  NameRemoteWrites(root, &config->remote_write);
  ReadServerSections(root, validation, options.agent, config.get(), &others);
  others.tracing = ReadTracing(root);
  root.Unserved("tracing");
  others.otlp = ReadOtlp(root, validation);
  root.Unserved("otlp");
  root.Finish();
  RETURN_IF_ERROR(context.status());

  config->unserved = context.unserved();
  const size_t main_jobs = config->scrape_configs.size();
  RETURN_IF_ERROR(ReadJobFiles(fs, section.defaults, &origins, config.get()));
  config->yaml = PrintConfig(*config, section, main_jobs, std::move(others));
  return std::shared_ptr<const Config>(std::move(config));
}

}  // namespace tributary::config
