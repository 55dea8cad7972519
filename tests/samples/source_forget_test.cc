#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/env.h"
#include "storage/kv/fault_store.h"
#include "storage/samples/log_families.h"
#include "storage/samples/log_state.h"
#include "tests/samples/log_fixture.h"

namespace perennial::samples {
namespace {

using State = AppendOutcome::State;

format::Sample Of(const std::string& source, const std::string& id, std::optional<std::string> label = "ok") {
  format::Sample sample = MakeSample(id, std::move(label));
  sample.source = source;
  return sample;
}

// Two sources, with all that a source can have: pictures, one of them common to both, a held-out sample, one that waits
// for its label, one that got it late, one without an id, one in quarantine.
class SourceForget : public LogTest {
 protected:
  void Feed(SampleLog& log) {
    std::vector<format::Sample> batch;
    for (const char* source : {"good", "bad"}) {
      for (int i = 0; i < 5; ++i) {
        batch.push_back(Of(source, std::to_string(i)));
        batch.back().image = Picture(static_cast<uint64_t>(i == 0 ? 0 : i + 100 * source[0]));
      }
      batch.back().part = format::Part::kTest;
      batch.push_back(Of(source, "waits", std::nullopt));
      batch.push_back(Of(source, "late", std::nullopt));
      batch.push_back(Of(source, ""));
      batch.back().text = std::string("content of ") + source;
      batch.push_back(Of(source, "refused"));
      batch.back().image = "no picture";
    }
    ASSERT_TRUE(log.Append(std::move(batch)).ok());
    for (const char* source : {"good", "bad"}) ASSERT_TRUE(log.AppendLateLabel(source, "late", "ok").ok());
  }

  static std::set<uint64_t> Readable(const SampleLog& log, const std::string& source) {
    std::set<uint64_t> offsets;
    for (const Entry& entry : log.ReadRange(Offset{0}, 1000).value()) {
      const bool sample = entry.kind == EntryKind::kSample || entry.kind == EntryKind::kLateLabel;
      if (sample && entry.sample.source == source) offsets.insert(entry.offset.value);
    }
    return offsets;
  }
  static SampleLogStats Counted(const SampleLog& log, const kv::KvStore& store) {
    SampleLogStats stats;
    for (const SourceInfo& source : log.Sources("", 100).value()) {
      stats.accepted += source.samples;
      stats.waiting_for_label += source.waiting_for_label;
      stats.held_out += source.held_out;
      stats.trainable += source.trainable;
      stats.forgotten += source.forgotten;
      EXPECT_EQ(source.samples, source.waiting_for_label + source.held_out + source.trainable + source.forgotten);
    }
    const auto blobs = store.NewIterator(store.FindFamily("samples.blobs").value());
    for (blobs->SeekToFirst(); blobs->Valid(); blobs->Next()) ++stats.image_blobs;
    return stats;
  }
  static void ExpectCountersAgree(const SampleLog& log, const kv::KvStore& store) {
    const SampleLogStats stats = log.Stats(), counted = Counted(log, store);
    EXPECT_EQ(stats.accepted, counted.accepted);
    EXPECT_EQ(stats.waiting_for_label, counted.waiting_for_label);
    EXPECT_EQ(stats.held_out, counted.held_out);
    EXPECT_EQ(stats.trainable, counted.trainable);
    EXPECT_EQ(stats.forgotten, counted.forgotten);
    EXPECT_EQ(stats.image_blobs, counted.image_blobs);
  }
};

TEST_F(SourceForget, CountsEachSource) {
  Feed(*log_);
  const std::vector<SourceInfo> sources = log_->Sources("", 10).value();
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].source, "bad");
  EXPECT_EQ(sources[0].samples, 8u);
  EXPECT_EQ(sources[0].trainable, 6u);
  EXPECT_EQ(sources[0].held_out, 1u);
  EXPECT_EQ(sources[0].waiting_for_label, 1u);
  EXPECT_FALSE(sources[0].forgotten_at);
  EXPECT_EQ(log_->Sources("bad", 10).value().at(0).source, "good");
  EXPECT_EQ(log_->FindSource("other").status().code(), Code::kNotFound);
  ExpectCountersAgree(*log_, *store_);
}

TEST_F(SourceForget, WithoutReadersItErasesAtOnceAndLeavesTheOthersAlone) {
  Feed(*log_);
  const std::set<uint64_t> others = Readable(*log_, "good");
  const uint64_t end = log_->End().value;
  EXPECT_EQ(log_->Forget("bad", false).value(), Offset{end});

  EXPECT_TRUE(Readable(*log_, "bad").empty());
  EXPECT_EQ(Readable(*log_, "good"), others);
  EXPECT_EQ(log_->ReadRange(Offset{0}, 1000).value().size(), end + 1) << "offsets stay continuous";
  EXPECT_EQ(log_->Read(Offset{end}).value().kind, EntryKind::kForget);
  EXPECT_EQ(log_->Read(Offset{end}).value().sample.source, "bad");
  for (const Entry& entry : log_->ReadRange(Offset{0}, 1000).value())
    EXPECT_NE(entry.sample.source.empty(), entry.kind != EntryKind::kErased);
  EXPECT_EQ(log_->HeldOutOffsets("default").value().size(), 1u);
  EXPECT_EQ(log_->ListQuarantine(0, 10).value().size(), 1u);
  EXPECT_EQ(log_->AppendLateLabel("bad", "waits", "ok").status().code(), Code::kNotFound);
  EXPECT_TRUE(log_->AppendLateLabel("good", "waits", "ok").ok());
  const SourceInfo info = log_->FindSource("bad").value();
  EXPECT_EQ(info.forgotten, 8u);
  EXPECT_EQ(info.trainable + info.held_out + info.waiting_for_label, 0u);
  EXPECT_FALSE(info.erasing);
  // Five pictures of each, one of them the same: it stays for the other's sake.
  EXPECT_EQ(log_->Stats().image_blobs, 5u);
  EXPECT_EQ(log_->OffsetsOf("bad", SourceUse::kTrainable, Offset{0}, Offset{end}).value().size(), 6u)
      << "for the report";
  ExpectCountersAgree(*log_, *store_);
  OpenLog();
  EXPECT_TRUE(Readable(*log_, "bad").empty());
  EXPECT_EQ(log_->Stats().forgotten, 8u);
}

TEST_F(SourceForget, WhatComesLaterIsNew) {
  Feed(*log_);
  ASSERT_TRUE(log_->Forget("bad", false).ok());
  format::Sample again = Of("bad", "1");
  again.image = Picture(7);
  const AppendOutcome outcome = AppendOne(again);
  EXPECT_EQ(outcome.state, State::kAccepted);
  EXPECT_EQ(log_->Read(outcome.offset).value().sample.image, again.image);
  format::Sample content = Of("bad", "");
  content.text = "content of bad";
  EXPECT_EQ(AppendOne(content).state, State::kAccepted);
  content.source = "good";
  content.text = "content of good";
  EXPECT_EQ(AppendOne(content).state, State::kDuplicate);
  // And can be forgotten in its turn.
  const Offset second = log_->Forget("bad", false).value();
  EXPECT_EQ(log_->Read(second).value().since, Offset{outcome.offset.value});
  EXPECT_EQ(log_->FindSource("bad").value().forgotten, 10u);
  EXPECT_TRUE(Readable(*log_, "bad").empty());
  ExpectCountersAgree(*log_, *store_);
}

TEST_F(SourceForget, NothingIsErasedBeforeEveryReaderHasLetGo) {
  Feed(*log_);
  const std::set<uint64_t> before = Readable(*log_, "bad");
  ASSERT_TRUE(log_->NoteReader("main", Offset{0}).ok());
  ASSERT_TRUE(log_->NoteReader("naive", Offset{0}).ok());
  const Offset at = log_->Forget("bad", false).value();
  EXPECT_EQ(Readable(*log_, "bad"), before) << "a trainer that resumes reads it as it was";
  EXPECT_EQ(log_->HeldOutOffsets("default").value().size(), 1u) << "but nobody evaluates on it";
  EXPECT_TRUE(log_->FindSource("bad").value().erasing);
  ASSERT_TRUE(log_->NoteReader("main", Offset{at.value + 1}).ok());
  ASSERT_TRUE(log_->NoteReader("naive", at).ok());
  OpenLog();
  EXPECT_EQ(Readable(*log_, "bad"), before);
  EXPECT_EQ(log_->Erasing().value(), std::vector<std::string>{"bad"});
  EXPECT_EQ(log_->Readers().value().size(), 2u);
  ASSERT_TRUE(log_->RemoveReader("naive").ok());
  EXPECT_TRUE(Readable(*log_, "bad").empty());
  EXPECT_TRUE(log_->Erasing().value().empty());
  ExpectCountersAgree(*log_, *store_);
}

TEST_F(SourceForget, ASourceThatSentNothingSinceGetsNoSecondEntry) {
  Feed(*log_);
  const Offset at = log_->Forget("bad", false).value();
  EXPECT_EQ(log_->Forget("bad", false).value(), at);
  EXPECT_EQ(log_->End().value, at.value + 1);
  EXPECT_EQ(log_->Forget("bad", true).value(), at);
  EXPECT_TRUE(log_->FindSource("bad").value().blocked);
  EXPECT_EQ(log_->End().value, at.value + 1);
}

TEST_F(SourceForget, ABlockedSourceIsRefusedUntilItIsUnblocked) {
  Feed(*log_);
  ASSERT_TRUE(log_->Forget("bad", true).ok());
  const AppendOutcome refused = AppendOne(Of("bad", "new"));
  EXPECT_EQ(refused.state, State::kRefused);
  EXPECT_EQ(refused.error.code(), Code::kPermissionDenied);
  EXPECT_EQ(log_->ListQuarantine(0, 10).value().size(), 1u) << "nothing of it is kept";
  EXPECT_EQ(AppendOne(Of("good", "new")).state, State::kAccepted);
  OpenLog();
  EXPECT_EQ(AppendOne(Of("bad", "new")).state, State::kRefused);
  ASSERT_TRUE(log_->Unblock("bad").ok());
  EXPECT_EQ(AppendOne(Of("bad", "new")).state, State::kAccepted);
}

TEST_F(SourceForget, AnUnknownSourceIsNotFound) {
  Feed(*log_);
  EXPECT_EQ(log_->Forget("other", false).status().code(), Code::kNotFound);
  EXPECT_EQ(log_->Forget("", false).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(log_->Unblock("other").code(), Code::kNotFound);
}

TEST_F(SourceForget, NamesThatBeginAlikeAreToldApart) {
  for (const char* source : {"a", "ab", "a\x01"}) AppendOne(Of(source, "1"));
  ASSERT_TRUE(log_->Forget("a", false).ok());
  EXPECT_EQ(Readable(*log_, "ab").size(), 1u);
  EXPECT_EQ(log_->FindSource("ab").value().forgotten, 0u);
}

TEST_F(SourceForget, APictureThatAnotherSourceSendsMeanwhileStays) {
  Feed(*log_);
  ASSERT_TRUE(log_->NoteReader("main", Offset{0}).ok());
  const Offset at = log_->Forget("bad", false).value();
  format::Sample shared = Of("good", "shared");
  shared.image = Picture(1 + 100 * 'b');  // so far of the forgotten source alone
  const Offset kept = AppendOne(shared).offset;
  ASSERT_TRUE(log_->NoteReader("main", Offset{at.value + 1}).ok());
  EXPECT_TRUE(Readable(*log_, "bad").empty());
  EXPECT_EQ(log_->Read(kept).value().sample.image, shared.image);
  ExpectCountersAgree(*log_, *store_);
}

TEST_F(SourceForget, WhateverWriteFailsItCanBeRepeated) {
  for (uint64_t nth = 1; nth < 20; ++nth) {
    SCOPED_TRACE(nth);
    log_.reset();
    store_ = kv::OpenMemory(SampleLog::Families());
    kv::FaultStore faulty(*store_);
    log_ = SampleLog::Open(faulty, options_, clock_).value();
    Feed(*log_);
    const uint64_t before = faulty.writes();
    faulty.FailWrites(nth, ResourceExhausted("disk full"));
    (void)log_->Forget("bad", false);
    const Offset at = log_->Forget("bad", false).value();
    // The reader's write is the one that fails once none of Forget's is.
    const auto note = [&] { return log_->NoteReader("main", Offset{at.value + 1}).ok(); };
    EXPECT_TRUE(note() || note());
    // What could not be erased waits for the next call.
    ASSERT_TRUE(log_->Forget("bad", false).ok());
    EXPECT_TRUE(Readable(*log_, "bad").empty());
    EXPECT_EQ(log_->FindSource("bad").value().forgotten, 8u);
    EXPECT_TRUE(log_->Erasing().value().empty());
    ExpectCountersAgree(*log_, *store_);
    log_.reset();
    if (faulty.writes() - before < nth) return;
  }
  FAIL() << "some write always failed";
}

// The entry is in the log, and the indices still have its samples: nothing may come in on their strength.
TEST_F(SourceForget, WhoAppendsAfterAFailureFindsTheIndicesClean) {
  for (const uint64_t nth : {2, 3}) {
    log_.reset();
    store_ = kv::OpenMemory(SampleLog::Families());
    kv::FaultStore faulty(*store_);
    log_ = SampleLog::Open(faulty, options_, clock_).value();
    Feed(*log_);
    ASSERT_TRUE(log_->NoteReader("main", Offset{0}).ok());
    faulty.FailWrites(nth, ResourceExhausted("disk full"), 2);
    EXPECT_EQ(log_->Forget("bad", false).status().code(), Code::kResourceExhausted);
    EXPECT_EQ(log_->AppendLateLabel("bad", "waits", "ok").status().code(), Code::kResourceExhausted);
    EXPECT_EQ(log_->AppendLateLabel("bad", "waits", "ok").status().code(), Code::kNotFound);
    EXPECT_EQ(AppendOne(Of("bad", "1")).state, State::kAccepted) << "no duplicate of what was forgotten";
    EXPECT_EQ(log_->Stats().forgotten, 8u);
    ExpectCountersAgree(*log_, *store_);
    log_.reset();
  }
}

TEST_F(SourceForget, AReaderIsNotToldOfAnErasureThatFails) {
  Feed(*log_);
  ASSERT_TRUE(log_->NoteReader("main", Offset{0}).ok());
  const Offset at = log_->Forget("bad", false).value();
  log_.reset();
  kv::FaultStore faulty(*store_);
  log_ = SampleLog::Open(faulty, options_, clock_).value();
  faulty.FailWrites(2, ResourceExhausted("disk full"), 100);  // the note is written
  EXPECT_TRUE(log_->NoteReader("main", Offset{at.value + 1}).ok());
  EXPECT_EQ(log_->Erasing().value(), std::vector<std::string>{"bad"});
  faulty.FailWrites(1, Status::Ok(), 0);
  ASSERT_TRUE(log_->Forget("bad", false).ok());
  EXPECT_TRUE(log_->Erasing().value().empty());
  EXPECT_TRUE(Readable(*log_, "bad").empty());
  log_.reset();
}

TEST_F(SourceForget, OfABlockedSourceNothingGoesToQuarantineEither) {
  Feed(*log_);
  ASSERT_TRUE(log_->Forget("bad", true).ok());
  format::Sample broken = Of("bad", "broken");
  broken.image = "no picture";
  EXPECT_EQ(AppendOne(broken).state, State::kRefused);
  ASSERT_TRUE(log_->Quarantine(InvalidArgument("bad"), "line 1", broken).ok());
  for (const QuarantineEntry& entry : log_->ListQuarantine(0, 10).value()) EXPECT_NE(entry.sample.source, "bad");
}

TEST_F(SourceForget, WhatIsOnlyInQuarantineIsForgottenToo) {
  format::Sample broken = Of("worst", "1");
  broken.image = "no picture";
  EXPECT_EQ(AppendOne(broken).state, State::kQuarantined);
  ASSERT_TRUE(log_->Forget("worst", true).ok());
  EXPECT_TRUE(log_->ListQuarantine(0, 10).value().empty());
  EXPECT_EQ(AppendOne(Of("worst", "2")).state, State::kRefused);
  // Sent before it was forgotten again, without a valid sample since.
  ASSERT_TRUE(log_->Unblock("worst").ok());
  EXPECT_EQ(AppendOne(broken).state, State::kQuarantined);
  ASSERT_TRUE(log_->Forget("worst", false).ok());
  EXPECT_TRUE(log_->ListQuarantine(0, 10).value().empty());
  ExpectCountersAgree(*log_, *store_);
}

// Before the first write that deletes a picture, lets a thread look whether it is stored.
class Interleaved final : public kv::KvStore {
 public:
  explicit Interleaved(kv::KvStore& inner) : inner_(inner), blobs_(inner.FindFamily("samples.blobs").value()) {}
  ~Interleaved() override {
    if (thread_.joinable()) thread_.join();
  }
  void BeforeADeletion(std::function<void()> work) { work_ = std::move(work); }
  Result<kv::Family> FindFamily(std::string_view name) const override { return inner_.FindFamily(name); }
  Result<std::optional<std::string>> Get(kv::Family family, std::string_view key) const override {
    return inner_.Get(family, key);
  }
  Result<std::vector<std::optional<std::string>>> MultiGet(kv::Family family,
                                                           const std::vector<std::string>& keys) const override {
    auto values = inner_.MultiGet(family, keys);
    if (family.index == blobs_.index && std::this_thread::get_id() == looker_ && !has_looked_.exchange(true))
      looked_.set_value();
    return values;
  }
  Status Write(const kv::WriteBatch& batch, kv::Durability durability) override {
    const auto deletes = [this](const kv::WriteBatch::Operation& operation) {
      return operation.family.index == blobs_.index && operation.kind == kv::WriteBatch::Operation::Kind::kDelete;
    };
    if (work_ && std::any_of(batch.operations().begin(), batch.operations().end(), deletes)) {
      std::promise<void> named;
      thread_ = std::thread([this, &named, work = std::exchange(work_, nullptr)] {
        looker_ = std::this_thread::get_id();
        named.set_value();
        work();
      });
      named.get_future().wait();
      looked_.get_future().wait();
    }
    return inner_.Write(batch, durability);
  }
  std::unique_ptr<kv::Iterator> NewIterator(kv::Family family) const override { return inner_.NewIterator(family); }
  uint64_t ApproximateBytes() const override { return inner_.ApproximateBytes(); }

 private:
  kv::KvStore& inner_;
  const kv::Family blobs_;
  std::function<void()> work_;
  std::thread thread_;
  std::atomic<std::thread::id> looker_;
  mutable std::promise<void> looked_;
  mutable std::atomic<bool> has_looked_{false};
};

// An append that found the picture stored, before the erasure took it, stores it again.
TEST_F(SourceForget, APictureSentWhileItIsErasedIsThere) {
  log_.reset();
  Interleaved store(*store_);
  log_ = SampleLog::Open(store, options_, clock_).value();
  format::Sample one = Of("bad", "1"), other = Of("good", "1");
  one.image = other.image = Picture(5000);
  AppendOne(one);
  std::promise<Offset> kept;
  store.BeforeADeletion([&] { kept.set_value(AppendOne(other).offset); });
  ASSERT_TRUE(log_->Forget("bad", false).ok());
  const auto entry = log_->Read(kept.get_future().get());
  ASSERT_TRUE(entry.ok()) << entry.status().ToString();
  EXPECT_EQ(entry->sample.image, other.image);
  ExpectCountersAgree(*log_, *store_);
  log_.reset();
}

TEST_F(SourceForget, ALogFromBeforeThereWereSourcesIsCounted) {
  Feed(*log_);
  const std::vector<SourceInfo> before = log_->Sources("", 10).value();
  log_.reset();
  const kv::Family meta = store_->FindFamily("samples.meta").value();
  std::string state = store_->Get(meta, "state").value().value();
  state[0] = 2;
  state.pop_back();  // it ended before the forgotten ones
  kv::WriteBatch batch;
  batch.Put(meta, "state", state);
  batch.DeleteRange(store_->FindFamily("samples.sources").value(), "", "\xff");
  ASSERT_TRUE(store_->Write(batch, kv::Durability::kSynced).ok());
  OpenLog();
  const std::vector<SourceInfo> after = log_->Sources("", 10).value();
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].source, before[i].source);
    EXPECT_EQ(after[i].samples, before[i].samples);
    EXPECT_EQ(after[i].trainable, before[i].trainable);
    EXPECT_EQ(after[i].held_out, before[i].held_out);
    EXPECT_EQ(after[i].waiting_for_label, before[i].waiting_for_label);
  }
  ASSERT_TRUE(log_->Forget("bad", false).ok());
  EXPECT_TRUE(Readable(*log_, "bad").empty());
}

bool AnyFileHolds(const std::string& folder, const std::string& bytes) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (text.str().find(bytes) != std::string::npos) return true;
  }
  return false;
}

TEST_F(SourceForget, NoFileHoldsASampleThatWasErased) {
  const TemporaryFolder folder = TemporaryFolder::Make("forget-files").value();
  log_.reset();
  store_ = kv::OpenRocks({.path = folder.path(), .families = SampleLog::Families(), .quota = nullptr}).value();
  OpenLog();
  std::vector<std::string> marks;
  std::vector<format::Sample> batch;
  for (uint64_t i = 0; i < 20; ++i) {
    format::Sample sample = Of(i % 2 == 0 ? "bad" : "good", "id-" + std::to_string(i));
    media::Image image{40, 40, {}};
    Rng rng(i);
    for (int p = 0; p < 40 * 40 * 3; ++p) image.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
    sample.image = media::EncodePng(image).value();  // over 2 KB: lies in a blob file
    sample.label = "label-" + HexEncode(sample.image.substr(1000, 24));
    if (i % 2 == 0) {
      marks.push_back(sample.image.substr(1500, 32));
      marks.push_back(sample.label->substr(6));
    }
    batch.push_back(std::move(sample));
  }
  const std::string kept = batch[1].image.substr(1500, 32);
  ASSERT_TRUE(log_->Append(std::move(batch)).ok());
  for (const std::string& mark : marks) ASSERT_TRUE(AnyFileHolds(folder.path(), mark));
  ASSERT_TRUE(log_->Forget("bad", false).ok());
  for (const std::string& mark : marks) EXPECT_FALSE(AnyFileHolds(folder.path(), mark));
  EXPECT_TRUE(AnyFileHolds(folder.path(), kept));
  log_.reset();
}

}  // namespace
}  // namespace perennial::samples
