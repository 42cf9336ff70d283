// Sections that are read and checked as Prometheus does, but whose contents nothing here serves
// yet: alerting, remote_read, tracing, otlp. And runtime, which tunes Go alone.
#pragma once

#include "config/config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

void ReadAlerting(MapReader& root, NameValidation validation);
void ReadRemoteRead(MapReader& root);
void ReadTracing(MapReader& root);
void ReadOtlp(MapReader& root, NameValidation validation);
void ReadRuntime(MapReader& root);

}  // namespace tributary::config
