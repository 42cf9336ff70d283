// Role: what makes a process a server or an agent. process.h runs either through the same life:
// made, replayed, begun, stopped, closed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/features.h"
#include "app/options.h"
#include "app/reloader.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/threads.h"
#include "config/config.h"
#include "web/web.h"

namespace tributary::app {

// What every role is built on. All outlive the role.
struct Ground {
  const Options& options;
  const Features& features;
  base::FileSystem& fs;
  const base::Clock& clock;
  base::ThreadPool& pool;
  base::MetricsRegistry& metrics;
};

class Role {
 public:
  virtual ~Role() = default;

  // Fills in what the web may show and use. Before Replay().
  virtual void Offer(web::Services* services) = 0;

  // Brings the stored data back; may take long. On a thread of its own.
  virtual base::Status Replay() = 0;
  // Opens what follows the store, after Replay(), and names who takes configurations, in order.
  virtual std::vector<Applier> Begin() = 0;
  // Ends scraping and sending. May be called without Begin().
  virtual void StopCollecting() = 0;
  // Closes the store. Nobody reads or appends any more.
  virtual base::Status Close() = 0;
};

// Open the store's directory (and lock it); nothing is read yet.
base::Result<std::unique_ptr<Role>> OpenServer(const Ground& ground, const config::Config& config);
base::Result<std::unique_ptr<Role>> OpenAgent(const Ground& ground, const config::Config& config);

}  // namespace tributary::app
