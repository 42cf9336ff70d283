// Collector: what server and agent share below the web: targets are found, scraped into a store,
// and what the store's WAL holds is sent on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/options.h"
#include "app/reloader.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "discovery/discovery.h"
#include "remote/send/manager.h"
#include "scrape/scrape.h"
#include "storage/appender.h"
#include "storage/wal_source.h"

namespace tributary::app {

// All references outlive the collector.
class Collector {
 public:
  Collector(const Options& options, storage::Appendable& store, base::FileSystem& fs,
            const base::Clock& clock, base::ThreadPool& pool, base::MetricsRegistry& metrics);
  ~Collector();

  // Call once the store can be followed. Positions are kept below `data_dir`.
  // `options` without state_dir, flush deadline and user agent.
  void OpenSender(storage::WalSource& source, const std::string& data_dir,
                  remote::SendOptions send_options = {});

  scrape::Manager* scrape() { return scrape_.get(); }
  // The sender first, so that nothing scraped under a new configuration is missed by it.
  Applier SenderApplier();
  std::vector<Applier> ScrapeAppliers();

  // Stops finding and scraping, then sends what can be sent within the flush deadline.
  void Stop();

 private:
  const Options& options_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  base::MetricsRegistry& metrics_;
  std::unique_ptr<scrape::Manager> scrape_;
  std::unique_ptr<discovery::Manager> discovery_;  // calls scrape_
  std::unique_ptr<remote::SendManager> sender_;
};

}  // namespace tributary::app
