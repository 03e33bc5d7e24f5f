// hnswlib as its own C++ program: what its search costs without a crossing from JavaScript. Compiled by
// `npm run bench:peers` with -O3 -march=native against the headers inside the package hnswlib-node.
//
//   hnswlib build SPACE DIMENSION M EF_CONSTRUCTION SEED BASE INDEX    one JSON line: seconds, bytes
//   hnswlib serve SPACE DIMENSION INDEX QUERIES ANSWERS                one JSON line when it is open, then
//                                                                      one for each line `K EF [THREADS
//                                                                      PASSES]` of its input
//
// SPACE is l2 or ip. BASE and QUERIES are f32 rows without a header. A search of all queries, PASSES times, each
// thread taking the next one (default: once, on one thread, one after the other), leaves in ANSWERS:
// ids u32[queries][k], distances f32[queries][k], latencies f64[queries] in ms. Missing hits have id 0xffffffff.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "hnswlib/hnswlib.h"

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void fail(const std::string& what) {
  std::cerr << what << std::endl;
  std::exit(1);
}

std::vector<float> readRows(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail("cannot read " + path);
  std::vector<float> rows(static_cast<size_t>(file.tellg()) / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(rows.data()), rows.size() * sizeof(float));
  return rows;
}

// A field of /proc/self/status in bytes; 0 where there is none.
size_t statusBytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stoull(line.substr(name.size() + 1)) * 1024;
  }
  return 0;
}

void printMemory() {
  std::cout << "\"residentBytes\":" << statusBytes("VmRSS")
            << ",\"anonymousBytes\":" << statusBytes("RssAnon")
            << ",\"peakResidentBytes\":" << statusBytes("VmHWM");
}

std::unique_ptr<hnswlib::SpaceInterface<float>> makeSpace(const std::string& name, size_t dimension) {
  if (name == "l2") return std::make_unique<hnswlib::L2Space>(dimension);
  if (name == "ip") return std::make_unique<hnswlib::InnerProductSpace>(dimension);
  fail("no space " + name);
}

int build(char** arguments) {
  const size_t dimension = std::stoul(arguments[1]);
  auto space = makeSpace(arguments[0], dimension);
  const std::vector<float> base = readRows(arguments[5]);
  const size_t rows = base.size() / dimension;
  const size_t before = statusBytes("VmRSS");
  hnswlib::HierarchicalNSW<float> index(space.get(), rows, std::stoul(arguments[2]),
                                        std::stoul(arguments[3]), std::stoul(arguments[4]));
  const auto start = Clock::now();
  for (size_t row = 0; row < rows; row++) index.addPoint(base.data() + row * dimension, row);
  const double seconds = secondsSince(start);
  const size_t grown = statusBytes("VmHWM") - before;
  index.saveIndex(arguments[6]);
  std::cout << "{\"seconds\":" << seconds << ",\"growthBytes\":" << grown << "}" << std::endl;
  return 0;
}

struct Answers {
  std::vector<uint32_t> ids;
  std::vector<float> distances;
  std::vector<double> latenciesMs;

  void write(const std::string& path) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    const auto put = [&file](const auto& values) {
      file.write(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
    };
    put(ids);
    put(distances);
    put(latenciesMs);
    if (!file) fail("cannot write " + path);
  }
};

struct Ask {
  size_t k = 0;
  size_t ef = 0;
  size_t threads = 1;
  size_t passes = 1;
};

void searchOne(hnswlib::HierarchicalNSW<float>& index, const float* vector, size_t query, size_t k,
               Answers& answers) {
  const auto before = Clock::now();
  auto found = index.searchKnn(vector, k);
  for (size_t i = found.size(); i-- > 0; found.pop()) {
    answers.ids[query * k + i] = static_cast<uint32_t>(found.top().second);
    answers.distances[query * k + i] = found.top().first;
  }
  answers.latenciesMs[query] = secondsSince(before) * 1000;
}

double searchAll(hnswlib::HierarchicalNSW<float>& index, const std::vector<float>& queries,
                 size_t dimension, const Ask& ask, Answers& answers) {
  const size_t count = queries.size() / dimension;
  answers.ids.assign(count * ask.k, 0xffffffff);
  answers.distances.assign(count * ask.k, 0);
  answers.latenciesMs.resize(count);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < ask.passes * count; i = next++) {
      const size_t query = i % count;
      searchOne(index, queries.data() + query * dimension, query, ask.k, answers);
    }
  };
  const auto start = Clock::now();
  std::vector<std::thread> others;
  for (size_t i = 1; i < ask.threads; i++) others.emplace_back(work);
  work();
  for (auto& other : others) other.join();
  return secondsSince(start);
}

int serve(char** arguments) {
  const size_t dimension = std::stoul(arguments[1]);
  auto space = makeSpace(arguments[0], dimension);
  const std::vector<float> queries = readRows(arguments[3]);
  const size_t before = statusBytes("VmRSS");
  const auto start = Clock::now();
  hnswlib::HierarchicalNSW<float> index(space.get(), arguments[2]);
  std::cout << "{\"openSeconds\":" << secondsSince(start) << ",\"emptyBytes\":" << before << "}"
            << std::endl;
  Answers answers;
  for (std::string line; std::getline(std::cin, line);) {
    Ask ask;
    std::istringstream words(line);
    if (!(words >> ask.k >> ask.ef)) fail("expected K EF [THREADS PASSES], got " + line);
    if (words >> ask.threads && !(words >> ask.passes)) fail("expected PASSES, got " + line);
    if (ask.threads == 0 || ask.threads > 64) fail("expected 1 to 64 threads, got " + line);
    index.setEf(ask.ef);
    const auto cpu = std::clock();
    const double seconds = searchAll(index, queries, dimension, ask, answers);
    const double cpuSeconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    answers.write(arguments[4]);
    std::cout << "{\"seconds\":" << seconds << ",\"cpuSeconds\":" << cpuSeconds
              << ",\"threads\":" << ask.threads << ",";
    printMemory();
    std::cout << "}" << std::endl;
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string task = count > 1 ? arguments[1] : "";
  if (task == "build" && count == 9) return build(arguments + 2);
  if (task == "serve" && count == 7) return serve(arguments + 2);
  fail("usage: see the comment at the head of the source");
}
