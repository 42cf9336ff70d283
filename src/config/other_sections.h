// Sections that are read and checked as Prometheus does, but whose contents nothing here serves
// yet: alerting, remote_read, tracing, otlp. And runtime, which tunes Go alone.
//
// Each function takes its section from `root` and returns it as Prometheus shows it in
// /api/v1/status/config: defaults filled in, secrets hidden, empty when nothing is to be shown.
#pragma once

#include "config/config.h"
#include "config/yaml_document.h"
#include "config/yaml_reader.h"

namespace tributary::config {

YamlNode ReadAlerting(MapReader& root, NameValidation validation);
YamlNode ReadRemoteRead(MapReader& root);
YamlNode ReadTracing(MapReader& root);
YamlNode ReadOtlp(MapReader& root, NameValidation validation);
YamlNode ReadRuntime(MapReader& root);

struct OtherSections {
  YamlNode runtime, alerting, tracing, remote_read, otlp;
};

}  // namespace tributary::config
