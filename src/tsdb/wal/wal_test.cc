// The log as a whole: what is written is read back, and what is damaged is named.
#include <map>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs_faulty.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/crc32c.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_cursor.h"
#include "tsdb/wal/wal_reader.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {
namespace {

using model::SeriesRef;
using ::testing::ElementsAre;

constexpr const char* kDir = "wal";

std::unique_ptr<WalWriter> OpenWriter(base::FileSystem& fs, uint64_t segment_bytes = 4 << 20,
                                      WalCompression compression = WalCompression::kNone) {
  auto writer = WalWriter::Open(
      fs, {.dir = kDir, .segment_bytes = segment_bytes, .compression = compression}, nullptr);
  EXPECT_TRUE(writer) << writer.error().message();
  return std::move(*writer);
}

void LogRaw(WalWriter& writer, std::string_view bytes) {
  RecordBatch batch;
  batch.buffer()->append(bytes);
  batch.EndRecord();
  const base::Status status = writer.Log(batch);
  ASSERT_TRUE(status) << status.error().message();
}

// Every record, and the error that stopped the reading, if any.
struct ReadBack {
  std::vector<std::string> records;
  std::string error;
  storage::WalPosition error_position;
};
ReadBack ReadAll(base::FileSystem& fs, bool skip_damage = false) {
  ReadBack out;
  auto reader = WalReader::Open(fs, kDir);
  EXPECT_TRUE(reader);
  while (true) {
    switch (reader->Next()) {
      case SegmentReader::State::kRecord:
        out.records.emplace_back(base::AsString(reader->record()));
        continue;
      case SegmentReader::State::kEnd:
        return out;
      default:
        out.error = reader->error().message();
        out.error_position = reader->position();
        if (!skip_damage) return out;
        reader->SkipDamage();
    }
  }
}

std::string Overwrite(base::FileSystem& fs, const std::string& path,
                      const std::function<void(std::string*)>& change) {
  std::string bytes = *fs.ReadFile(path);
  change(&bytes);
  auto file = fs.Create(path);
  EXPECT_TRUE(file);
  EXPECT_TRUE((*file)->Append(base::AsBytes(bytes)));
  return bytes;
}

std::string Random(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::string s(n, '\0');
  for (char& c : s) c = static_cast<char>(random());
  return s;
}

TEST(Crc32cTest, KnownValuesAndBothImplementationsAgree) {
  EXPECT_EQ(Crc32c(base::AsBytes("123456789")), 0xe3069283u);
  const std::string data = Random(1000, 1);
  for (size_t n = 0; n < data.size(); n += 7) {
    const base::Bytes bytes = base::AsBytes(data).first(n);
    EXPECT_EQ(Crc32c(bytes), Crc32cPortable(bytes));
    EXPECT_EQ(Crc32c(bytes.subspan(n / 3), Crc32c(bytes.first(n / 3))), Crc32c(bytes));
  }
}

class WalTest : public ::testing::TestWithParam<WalCompression> {
 protected:
  std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
};
INSTANTIATE_TEST_SUITE_P(Compressions, WalTest,
                         ::testing::Values(WalCompression::kNone, WalCompression::kSnappy,
                                           WalCompression::kZstd));

TEST_P(WalTest, RecordsOfEverySizeComeBackAcrossPagesAndSegments) {
  std::vector<std::string> want;
  {
    auto writer = OpenWriter(*fs_, 4 * kWalPageBytes, GetParam());
    for (const size_t n : {size_t{1}, kWalPageBytes - kWalHeaderBytes - 8, size_t{1}, size_t{0},
                           kWalPageBytes - kWalHeaderBytes, 2 * kWalPageBytes, size_t{100},
                           9 * kWalPageBytes, kWalPageBytes - 2 * kWalHeaderBytes, size_t{7}}) {
      std::string record = Random(n, static_cast<uint32_t>(n));
      if (n % 2 == 0) record.append(n, 'x');  // something to compress
      if (record.empty()) continue;
      LogRaw(*writer, record);
      want.push_back(std::move(record));
    }
    EXPECT_TRUE(writer->Close());
  }
  const ReadBack got = ReadAll(*fs_);
  EXPECT_EQ(got.error, "");
  EXPECT_EQ(got.records, want);
  EXPECT_GT(ListSegments(*fs_, kDir)->size(), 2u);
}

TEST_P(WalTest, ANewWriterBeginsANewSegment) {
  LogRaw(*OpenWriter(*fs_, 4 << 20, GetParam()), "first");
  LogRaw(*OpenWriter(*fs_, 4 << 20, GetParam()), "second");
  EXPECT_EQ(ListSegments(*fs_, kDir)->back().index, 1u);
  EXPECT_THAT(ReadAll(*fs_).records, ElementsAre("first", "second"));
}

TEST_P(WalTest, ConcurrentCommitsAllArriveWhole) {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  {
    auto writer = OpenWriter(*fs_, 4 * kWalPageBytes, GetParam());
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          RecordBatch batch;
          for (int k = 0; k < 2; ++k) {
            batch.buffer()->append(std::to_string(t) + "/" + std::to_string(i) +
                                   std::string(100, 'y'));
            batch.EndRecord();
          }
          EXPECT_TRUE(writer->Log(batch));
        }
      });
    }
  }
  const ReadBack got = ReadAll(*fs_);
  EXPECT_EQ(got.error, "");
  ASSERT_EQ(got.records.size(), 2u * kThreads * kEach);
  for (size_t i = 0; i < got.records.size(); i += 2) EXPECT_EQ(got.records[i], got.records[i + 1]);
}

TEST(WalDamageTest, ATailTornAtAnyByteLosesOnlyTheLastRecord) {
  auto fs = base::MakeMemoryFileSystem();
  {
    auto writer = OpenWriter(*fs);
    LogRaw(*writer, Random(kWalPageBytes - 60, 1));
    LogRaw(*writer, "acknowledged");
  }
  const std::string path = SegmentPath(kDir, 0);
  // Without the padding that closing adds.
  const uint64_t before = kWalPageBytes - 60 + kWalHeaderBytes + kWalHeaderBytes + 12;
  auto file = fs->OpenForAppend(path);
  ASSERT_TRUE((*file)->Truncate(before));
  const std::string whole = *fs->ReadFile(path);
  // The record to tear spans two pages.
  auto other = base::MakeMemoryFileSystem();
  {
    auto writer = OpenWriter(*other);
    LogRaw(*writer, Random(kWalPageBytes - 60, 1));
    LogRaw(*writer, "acknowledged");
    LogRaw(*writer, Random(120, 2));
  }
  const std::string full = *other->ReadFile(path);
  ASSERT_EQ(full.substr(0, whole.size()), whole);
  const size_t end = before + 120 + 2 * kWalHeaderBytes;
  for (size_t cut = before; cut <= end; ++cut) {
    Overwrite(*fs, path, [&](std::string* bytes) { *bytes = full.substr(0, cut); });
    const ReadBack got = ReadAll(*fs);
    ASSERT_EQ(got.records.size(), cut == end ? 3u : 2u) << cut;
    EXPECT_EQ(got.error.empty(), cut == before || cut == end) << cut << got.error;
    if (!got.error.empty()) {
      EXPECT_EQ(got.error_position, (storage::WalPosition{0, before}));
    }
  }
}

TEST(WalDamageTest, ErrorsNameThePlaceAndReadingCanGoOnBehindIt) {
  auto fs = base::MakeMemoryFileSystem();
  {
    auto writer = OpenWriter(*fs);
    for (int i = 0; i < 5; ++i) LogRaw(*writer, Random(kWalPageBytes - kWalHeaderBytes, 7));
    LogRaw(*writer, "last");
  }
  Overwrite(*fs, SegmentPath(kDir, 0),
            [](std::string* bytes) { (*bytes)[kWalPageBytes + 500] ^= 1; });
  EXPECT_EQ(ReadAll(*fs).error, "wal: segment 00000000 at 32768: record crc mismatch");
  const ReadBack got = ReadAll(*fs, true);
  EXPECT_EQ(got.records.size(), 5u);
  EXPECT_EQ(got.records.back(), "last");
}

TEST(WalDamageTest, AnyFlippedBitIsNoticedAndNothingElseIsLostFromOtherPages) {
  auto fs = base::MakeMemoryFileSystem();
  {
    auto writer = OpenWriter(*fs);
    for (int i = 0; i < 40; ++i) LogRaw(*writer, "record " + std::to_string(i));
    EXPECT_TRUE(writer->CutSegment());
    LogRaw(*writer, "next segment");
  }
  const std::string clean = *fs->ReadFile(SegmentPath(kDir, 0));
  for (size_t byte = 0; byte < 700; ++byte) {
    Overwrite(*fs, SegmentPath(kDir, 0), [&](std::string* bytes) {
      *bytes = clean;
      (*bytes)[byte] = static_cast<char>((*bytes)[byte] ^ (1 << (byte % 8)));
    });
    const ReadBack got = ReadAll(*fs, true);
    ASSERT_FALSE(got.records.empty());
    EXPECT_EQ(got.records.back(), "next segment");
    for (size_t i = 0; i + 1 < got.records.size() && got.error.empty(); ++i) {
      // A flip in the flags of a fragment may only turn compression on, which then fails; a flip
      // that goes unnoticed must leave the record as it was.
      EXPECT_EQ(got.records[i], "record " + std::to_string(i)) << byte;
    }
  }
}

TEST(WalCursorTest, FollowsAGrowingLogAndResumesWhereItWas) {
  auto fs = base::MakeMemoryFileSystem();
  auto writer = OpenWriter(*fs, 4 * kWalPageBytes);
  const WalCursorOptions options{.dir = kDir, .tail = writer->tail(), .on_damage = {}};
  auto cursor = OpenWalCursor(*fs, options, {});
  storage::WalBatch batch;
  EXPECT_TRUE(cursor->Read(100, &batch));
  EXPECT_TRUE(batch.samples.empty());

  std::vector<storage::RefSample> samples;
  int64_t next = 0;
  storage::WalPosition middle;
  int64_t next_at_middle = 0;
  int64_t read = 0;
  for (int round = 0; round < 300; ++round) {
    samples.clear();
    for (int i = 0; i < 100; ++i) samples.push_back({SeriesRef(7), next++, 0.5});
    RecordBatch records;
    BeginSeriesRecord(records.buffer());
    records.EndRecord();
    records.AddSamples(samples);
    ASSERT_TRUE(writer->Log(records));
    if (round % 3 != 0) continue;
    EXPECT_LT(batch.end, writer->end());
    while (batch.end < writer->end()) {
      batch.Clear();
      ASSERT_TRUE(cursor->Read(150, &batch));
      EXPECT_LE(batch.samples.size(), 250u);
      for (const storage::RefSample& s : batch.samples) ASSERT_EQ(s.t, read++);
    }
    ASSERT_EQ(read, next);
    if (round == 150) {
      middle = batch.end;
      next_at_middle = next;
    }
  }
  // From the middle to the end, and from the beginning to the middle.
  cursor = OpenWalCursor(*fs, options, middle);
  read = next_at_middle;
  do {
    batch.Clear();
    ASSERT_TRUE(cursor->Read(1000, &batch));
    for (const storage::RefSample& s : batch.samples) ASSERT_EQ(s.t, read++);
  } while (batch.end < writer->end());
  EXPECT_EQ(read, next);
  cursor = OpenWalCursor(*fs, options, {});
  cursor->StopAt(middle);
  read = 0;
  do {
    batch.Clear();
    ASSERT_TRUE(cursor->Read(1000, &batch));
    for (const storage::RefSample& s : batch.samples) ASSERT_EQ(s.t, read++);
  } while (!batch.samples.empty());
  EXPECT_EQ(read, next_at_middle);
  EXPECT_EQ(batch.end, middle);
}

void LogSample(WalWriter& writer, int64_t t) {
  RecordBatch records;
  const std::vector<storage::RefSample> one{{SeriesRef(1), t, 1}};
  records.AddSamples(one);
  ASSERT_TRUE(writer.Log(records));
}

std::vector<int64_t> TimesAt(storage::WalCursor& cursor) {
  storage::WalBatch batch;
  EXPECT_TRUE(cursor.Read(1000, &batch));
  std::vector<int64_t> times;
  for (const storage::RefSample& sample : batch.samples) times.push_back(sample.t);
  return times;
}

TEST(WalCursorTest, WhatCouldNotBeWrittenIsNotRead) {
  auto memory = base::MakeMemoryFileSystem();
  base::FaultyFileSystem fs(*memory);
  auto writer = OpenWriter(fs);
  const WalCursorOptions options{.dir = kDir, .tail = writer->tail(), .on_damage = {}};
  const auto cursor = OpenWalCursor(fs, options, writer->end());
  LogSample(*writer, 1);
  fs.TearAt(1, 5);
  RecordBatch records;
  const std::vector<storage::RefSample> lost{{SeriesRef(1), 2, 1}};
  records.AddSamples(lost);
  EXPECT_FALSE(writer->Log(records));
  LogSample(*writer, 3);
  EXPECT_THAT(TimesAt(*cursor), ElementsAre(1, 3));
}

// Pages are padded where no record begins: also a place behind the padding is one to go on from.
TEST(WalCursorTest, RecordsOfAllSizesAreFollowed) {
  auto fs = base::MakeMemoryFileSystem();
  auto writer = OpenWriter(*fs, 4 * kWalPageBytes, WalCompression::kSnappy);
  const WalCursorOptions options{.dir = kDir, .tail = writer->tail(), .on_damage = {}};
  const auto cursor = OpenWalCursor(*fs, options, writer->end());
  std::vector<storage::RefSample> samples;
  int64_t next = 0;
  int64_t read = 0;
  storage::WalBatch batch;
  for (size_t size = 1; size < 2000; ++size) {
    samples.clear();
    for (size_t i = 0; i < size; ++i) samples.push_back({SeriesRef(7), next++, 0.5});
    RecordBatch records;
    records.AddSamples(samples);
    ASSERT_TRUE(writer->Log(records));
    if (size % 3 != 0) continue;
    do {
      batch.Clear();
      ASSERT_TRUE(cursor->Read(1000, &batch));
      for (const storage::RefSample& s : batch.samples) ASSERT_EQ(s.t, read++);
    } while (batch.end < writer->end());
    ASSERT_EQ(read, next);
  }
}

TEST(WalCursorTest, WaitReturnsWhenTheLogGrowsAndWhenWoken) {
  auto fs = base::MakeMemoryFileSystem();
  auto writer = OpenWriter(*fs);
  auto cursor =
      OpenWalCursor(*fs, {.dir = kDir, .tail = writer->tail(), .on_damage = {}}, writer->end());
  storage::WalBatch batch;
  ASSERT_TRUE(cursor->Read(1, &batch));
  {
    std::jthread logger([&] { LogRaw(*writer, "x"); });
    cursor->Wait(60'000, 1);
    EXPECT_LT(batch.end, writer->end());
  }
  ASSERT_TRUE(cursor->Read(1, &batch));
  {
    constexpr uint64_t kBytes = 500;
    std::jthread logger([&] {
      for (int i = 0; i < 100; ++i) LogRaw(*writer, "x");
    });
    cursor->Wait(60'000, kBytes);
    EXPECT_GE(writer->end().offset, batch.end.offset + kBytes);
  }
  ASSERT_TRUE(cursor->Read(1000, &batch));
  std::jthread waker([&] { writer->tail()->WakeAll(); });
  cursor->Wait(60'000, 1);
}

TEST(WalCursorTest, SkipsDamageAndRemovedSegmentsAndSaysSo) {
  auto fs = base::MakeMemoryFileSystem();
  auto writer = OpenWriter(*fs);
  const std::vector<storage::RefSample> one{{SeriesRef(1), 1, 1}};
  for (int i = 0; i < 4; ++i) {
    RecordBatch records;
    records.AddSamples(one);
    ASSERT_TRUE(writer->Log(records));
    ASSERT_TRUE(writer->CutSegment());
  }
  ASSERT_TRUE(fs->Remove(SegmentPath(kDir, 0)));
  Overwrite(*fs, SegmentPath(kDir, 2), [](std::string* bytes) { (*bytes)[10] ^= 1; });
  int damaged = 0;
  auto cursor = OpenWalCursor(
      *fs,
      {.dir = kDir, .tail = writer->tail(), .on_damage = [&](const base::Error&) { ++damaged; }},
      {});
  storage::WalBatch batch;
  ASSERT_TRUE(cursor->Read(100, &batch));
  EXPECT_EQ(batch.samples.size(), 2u);
  EXPECT_EQ(batch.end, writer->end());
  EXPECT_EQ(damaged, 1);
}

// A segment for each of `ticks`: three series, samples of two, metadata.
void LogSegments(WalWriter& writer, int64_t ticks) {
  for (int64_t t = 0; t < ticks * 100; t += 100) {
    RecordBatch records;
    BeginSeriesRecord(records.buffer());
    for (const uint64_t ref : {1, 2, 3}) {
      AppendSeriesEntry(SeriesRef(ref), std::vector<model::Label>{{"a", "b"}}, records.buffer());
    }
    records.EndRecord();
    records.AddSamples(std::vector<storage::RefSample>{{SeriesRef(1), t, 1}, {SeriesRef(2), t, 2}});
    records.AddMetadata(std::vector<RefMetadata>{
        {SeriesRef(1), {model::MetricType::kCounter, "at " + std::to_string(t), ""}},
        {SeriesRef(3), {model::MetricType::kGauge, "gone", ""}}});
    ASSERT_TRUE(writer.Log(records));
    ASSERT_TRUE(writer.CutSegment());
  }
}

bool IsNotThird(SeriesRef ref) { return ref.value() != 3; }

struct LogContents {
  std::vector<storage::RefSample> samples;
  std::vector<RefMetadata> metadata;
  std::map<uint64_t, int> series;
};

LogContents ContentsOf(base::Result<WalReader> reader) {
  LogContents contents;
  while (reader->Next() == SegmentReader::State::kRecord) {
    switch (TypeOfRecord(reader->record())) {
      case RecordType::kSamples:
        EXPECT_TRUE(DecodeSamples(reader->record(), &contents.samples));
        break;
      case RecordType::kMetadata:
        EXPECT_TRUE(DecodeMetadata(reader->record(), &contents.metadata));
        break;
      default:
        EXPECT_TRUE(DecodeSeries(reader->record(), [&](SeriesRef ref, model::LabelSpan) {
          ++contents.series[ref.value()];
        }));
    }
  }
  return contents;
}

TEST(CheckpointTest, KeepsWhatIsNeededAndDropsTheRest) {
  auto fs = base::MakeMemoryFileSystem();
  auto writer = OpenWriter(*fs);
  ASSERT_NO_FATAL_FAILURE(LogSegments(*writer, 4));
  ASSERT_TRUE(WriteCheckpoint(*fs, kDir, {.through = 1, .min_time = 100, .keep = IsNotThird}));
  ASSERT_TRUE(RemoveCheckpointed(*fs, kDir, 1));
  ASSERT_TRUE(WriteCheckpoint(*fs, kDir, {.through = 2, .min_time = 150, .keep = IsNotThird}));
  ASSERT_TRUE(RemoveCheckpointed(*fs, kDir, 2));
  EXPECT_EQ(ListSegments(*fs, kDir)->front().index, 3u);

  const auto last = LastCheckpoint(*fs, kDir);
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->index, 2u);
  const LogContents contents = ContentsOf(WalReader::Open(*fs, (*last)->path));
  EXPECT_EQ(contents.samples.size(), 2u);
  EXPECT_EQ(contents.samples[0].t, 200);
  ASSERT_EQ(contents.metadata.size(), 1u);
  EXPECT_EQ(contents.metadata[0].metadata.help, "at 200");
  EXPECT_EQ(contents.series.size(), 2u);
  EXPECT_FALSE(contents.series.contains(3));
}

TEST(CheckpointTest, ASegmentBetweenOthersCanKeepItsLabelsOnly) {
  auto fs = base::MakeMemoryFileSystem();
  auto writer = OpenWriter(*fs);
  ASSERT_NO_FATAL_FAILURE(LogSegments(*writer, 3));
  const auto before = ListSegments(*fs, kDir);
  ASSERT_TRUE(
      ReduceSegment(*fs, kDir, {.through = 1, .min_time = model::kMaxTime, .keep = IsNotThird}));
  const auto after = ListSegments(*fs, kDir);
  EXPECT_EQ(after->size(), before->size());
  EXPECT_EQ(fs->List(kDir)->size(), before->size()) << "nothing else is left behind";

  const LogContents reduced = ContentsOf(WalReader::Open(*fs, kDir, 1, 1));
  EXPECT_TRUE(reduced.samples.empty());
  EXPECT_EQ(reduced.series, (std::map<uint64_t, int>{{1, 1}, {2, 1}}));
  const LogContents all = ContentsOf(WalReader::Open(*fs, kDir));
  ASSERT_EQ(all.samples.size(), 4u);
  EXPECT_EQ(all.samples[1].t, 0);
  EXPECT_EQ(all.samples[2].t, 200);
}

}  // namespace
}  // namespace tributary::tsdb
