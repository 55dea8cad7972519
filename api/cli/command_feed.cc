#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "api/cli/bulk_sender.h"
#include "api/cli/commands.h"
#include "api/cli/feed_state.h"
#include "api/cli/hub.h"
#include "api/cli/progress.h"
#include "api/cli/table.h"
#include "storage/sources/source.h"

namespace perennial::cli {
namespace {

constexpr size_t kBatchSamples = 256;
constexpr size_t kBatchBytes = 16u << 20;  // of one request; the hub takes 64 MiB
constexpr size_t kShownErrors = 20;

Result<std::unique_ptr<sources::Source>> OpenData(const FeedOptions& options) {
  sources::SourceOptions source;
  source.source_name = options.source;
  source.text_field = options.text_field;
  source.label_field = options.label_field;
  source.slice_field = options.slice_field;
  source.order_by_slice = options.order;
  if (!options.slices.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(source.slices, sources::SliceRules::Load(options.slices));
  }
  return sources::OpenSource(options.path, source);
}

// One run of the command: reads, sends, keeps the books.
class Feed {
 public:
  Feed(Context& context, const FeedOptions& options, Hub& hub, sources::Source& source, FeedState state,
       std::string state_file)
      : context_(context),
        options_(options),
        hub_(hub),
        source_(source),
        sender_(hub.client(), context.wait),
        state_(std::move(state)),
        state_file_(std::move(state_file)),
        progress_(context.err, context.clock, context.terminal, Total(), state_.position),
        batch_limit_(options.rate > 0 ? std::clamp<size_t>(static_cast<size_t>(options.rate / 2), 1, kBatchSamples)
                                      : kBatchSamples),
        run_(std::to_string(context.clock.WallMicros())),
        started_(context.clock.Now()) {}

  Status Run() {
    PERENNIAL_RETURN_IF_ERROR(SkipSettled());
    while (true) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, ReadBatch());
      if (more_to_settle_ > 0) PERENNIAL_RETURN_IF_ERROR(SendBatch());
      if (!more) break;
      PERENNIAL_RETURN_IF_ERROR(KeepRate());
    }
    progress_.Break();
    if (options_.flush) {
      PERENNIAL_ASSIGN_OR_RETURN(flush_answer_, hub_.Post("/api/v1/samples/flush", "{}"));
    }
    if (!state_file_.empty()) RemoveFeedState(state_file_);
    return Status::Ok();
  }

  void EndLine() { progress_.Break(); }
  const FeedState& state() const { return state_; }
  double seconds() const { return std::chrono::duration<double>(context_.clock.Now() - started_).count(); }
  double rate() const { return progress_.rate(); }

 private:
  std::optional<uint64_t> Total() const {
    const auto size = source_.Size();
    if (options_.limit == 0) return size;
    return size ? std::min(*size, options_.limit) : options_.limit;
  }

  Status SkipSettled() {
    for (uint64_t i = 0; i < state_.position; ++i) {
      PERENNIAL_ASSIGN_OR_RETURN(const auto item, source_.Next());
      if (!item) return FailedPrecondition("the data ends before the place to go on from", "feed it without --resume");
    }
    return Status::Ok();
  }

  // Fills lines_; false when the data or the limit ends here.
  Result<bool> ReadBatch() {
    lines_.clear();
    pointers_.clear();
    more_to_settle_ = 0;
    while (pointers_.size() < batch_limit_ && lines_.size() < kBatchBytes) {
      if (options_.limit > 0 && state_.position + more_to_settle_ >= options_.limit) return false;
      PERENNIAL_ASSIGN_OR_RETURN(auto item, source_.Next());
      if (!item) return false;
      ++more_to_settle_;
      if (!item->sample.ok()) {
        ++refused_now_;
        Tell(item->pointer, item->sample.status());
        continue;
      }
      lines_ += sources::SampleToJson(*item->sample);
      lines_ += '\n';
      pointers_.push_back(std::move(item->pointer));
    }
    return true;
  }

  Status SendBatch() {
    if (!pointers_.empty()) {
      // Names the place, so that a second try of a batch whose answer got lost is told the same outcomes.
      const std::string key = "feed-" + run_ + "-" + std::to_string(state_.position);
      PERENNIAL_ASSIGN_OR_RETURN(const auto outcomes, sender_.Send(lines_, pointers_.size(), key));
      for (size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i].state == LineOutcome::State::kAccepted) ++state_.accepted;
        if (outcomes[i].state == LineOutcome::State::kDuplicate) ++state_.duplicates;
        if (outcomes[i].state == LineOutcome::State::kQuarantined) {
          ++state_.quarantined;
          Tell(pointers_[i], outcomes[i].error);
        }
        if (outcomes[i].state == LineOutcome::State::kRefused) {
          ++state_.refused;
          Tell(pointers_[i], outcomes[i].error);
        }
      }
    }
    state_.refused += std::exchange(refused_now_, 0);
    state_.position += more_to_settle_;
    sent_ += pointers_.size();
    if (!state_file_.empty()) PERENNIAL_RETURN_IF_ERROR(SaveFeedState(state_file_, state_));
    progress_.Update(state_.position);
    return Status::Ok();
  }

  // Waits until the samples sent so far are due; also the place where Ctrl-C is seen.
  Status KeepRate() {
    Duration pause{0};
    if (options_.rate > 0) {
      const auto due = std::chrono::duration_cast<Duration>(
          std::chrono::duration<double>(static_cast<double>(sent_) / options_.rate));
      pause = std::max(Duration{0}, due - (context_.clock.Now() - started_));
    }
    return context_.wait(pause) ? Status::Ok() : Cancelled("interrupted");
  }

  void Tell(const std::string& pointer, const Status& error) {
    if (++told_ > kShownErrors) return;
    progress_.Break();
    context_.err << pointer << ": " << error.ToString() << '\n';
    if (told_ == kShownErrors) context_.err << "further refusals are counted only; see: perennial quarantine list\n";
  }

  Context& context_;
  const FeedOptions& options_;
  Hub& hub_;
  sources::Source& source_;
  BulkSender sender_;
  FeedState state_;
  const std::string state_file_;  // empty: standard input, nothing to resume
  Progress progress_;
  const size_t batch_limit_;
  const std::string run_;
  const SteadyTime started_;
  std::string lines_;
  std::vector<std::string> pointers_;
  uint64_t more_to_settle_ = 0, refused_now_ = 0, sent_ = 0;
  size_t told_ = 0;
  std::string flush_answer_;
};

// Everything that changes which item stands at which position.
std::string OptionsText(const FeedOptions& options) {
  return options.slices + "\n" + options.text_field + "\n" + options.label_field + "\n" + options.slice_field + "\n" +
         options.source + "\n" + (options.order ? "ordered" : "as it lies");
}

// Where to begin, and the file that remembers it.
Result<FeedState> BeginState(Context& context, const FeedOptions& options, std::string& state_file) {
  FeedState state;
  state.hub = context.hub;
  if (options.path == "-") {
    if (options.resume) return InvalidArgument("standard input cannot be resumed", "feed a file");
    return state;
  }
  std::error_code error;
  state.path = std::filesystem::absolute(options.path, error).lexically_normal().string();
  PERENNIAL_ASSIGN_OR_RETURN(state.fingerprint, FingerprintData(options.path, OptionsText(options)));
  state_file = StatePath(options.state_folder.empty() ? StateFolder() : options.state_folder, state);
  if (!options.resume) return state;
  PERENNIAL_ASSIGN_OR_RETURN(const auto earlier, LoadFeedState(state_file));
  if (!earlier) return state;  // nothing was left unfinished: resuming is starting
  if (earlier->fingerprint != state.fingerprint) {
    return FailedPrecondition("the data or the options changed since the interrupted feed",
                              "feed it without --resume: samples that the hub has are recognised as duplicates");
  }
  return *earlier;
}

int Summary(Context& context, const Feed& feed) {
  const FeedState& state = feed.state();
  const bool partial = state.quarantined + state.refused > 0;
  if (context.json) {
    const nlohmann::ordered_json json = {{"samples", state.position},      {"accepted", state.accepted},
                                         {"duplicates", state.duplicates}, {"quarantined", state.quarantined},
                                         {"refused", state.refused},       {"seconds", feed.seconds()},
                                         {"samples_per_s", feed.rate()}};
    PrintJson(context, json.dump());
  } else {
    context.out << state.position << " samples: " << state.accepted << " accepted, " << state.duplicates
                << " duplicates, " << state.quarantined << " quarantined, " << state.refused << " unreadable; "
                << HumanSeconds(feed.seconds()) << ", " << HumanNumber(feed.rate(), 0) << "/s\n";
    if (state.quarantined > 0) context.err << "see: perennial quarantine list\n";
  }
  return partial ? kExitPartial : kExitOk;
}

}  // namespace

int RunFeed(Context& context, const FeedOptions& options) {
  std::string state_file;
  auto state = BeginState(context, options, state_file);
  if (!state.ok())
    return state.status().code() == Code::kInvalidArgument ? FailUsage(context, state.status())
                                                           : Fail(context, state.status());
  auto source = OpenData(options);
  if (!source.ok()) return Fail(context, source.status());
  auto hub = Hub::Connect(context);
  if (!hub.ok()) return Fail(context, hub.status());
  // Asked first, so that a wrong address or token fails before anything is read.
  if (const auto status = (*hub)->Get("/api/v1/status"); !status.ok()) return Fail(context, status.status());
  Feed feed(context, options, **hub, **source, std::move(*state), state_file);
  const Status done = feed.Run();
  feed.EndLine();
  if (done.ok()) return Summary(context, feed);
  const bool resumable = !state_file.empty() && feed.state().position > 0;
  context.err << feed.state().position << " samples are settled" << (resumable ? "; go on with --resume" : "") << '\n';
  return Fail(context, done);
}

}  // namespace perennial::cli
