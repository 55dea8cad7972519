#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/process/child_process.h"
#include "api/quickstart/options.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// One hub and two edges as real processes with their real sockets and keys, in one folder. Thread-compatible; addresses are constant
// after Start.
class Cluster {
 public:
  // Makes keys, starts the programs next to ours and waits until each says that it is ready. `slices` is for --keep's hints only.
  static Result<std::unique_ptr<Cluster>> Start(const Options& options, const Profile& profile, const std::string& folder);
  ~Cluster();

  const std::string& hub_url() const { return hub_url_; }
  const std::vector<std::string>& edge_urls() const { return edge_urls_; }
  const std::string& folder() const { return folder_; }
  // Unavailable, naming the program, when one has ended.
  Status CheckRunning();
  // Ends edges, then the hub; the first program that did not end cleanly is an error.
  Status Stop();

 private:
  explicit Cluster(std::string folder) : folder_(std::move(folder)) {}
  Status StartHub(const Options& options, const Profile& profile, const std::string& programs);
  Status StartEdge(const std::string& name, const std::string& programs);

  const std::string folder_;
  std::string hub_url_;
  std::string announce_;
  std::string bulk_;
  std::vector<std::string> edge_urls_;
  std::vector<std::pair<std::string, std::unique_ptr<process::ChildProcess>>> programs_;
};

}  // namespace perennial::quickstart
