// Run a model in ncnn on one thread, the same inputs and marks as the harness runs ONNX Runtime with.
//
// driver MODEL.param MODEL.bin INPUT CHANNELS HEIGHT WIDTH SAMPLES REPETITIONS OUTPUT
//
// INPUT holds float32 samples of (CHANNELS, HEIGHT, WIDTH), one after the other; each of the first SAMPLES is run
// REPETITIONS times, and its last output is appended to OUTPUT as float32. Exit code 1: failed, stderr says why.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <ncnn/net.h>

#include "../harness/mark.h"

namespace {

struct Closer {
  void operator()(FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, Closer>;

struct Options {
  const char *param, *bin, *input;
  int channels, height, width, samples, repetitions;
  const char *output;
};

int positive(const char *text) {
  char *end = nullptr;
  long number = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || number < 1 || number > 1000000) {
    throw std::runtime_error(std::string("not a number from 1 to 1000000: ") + text);
  }
  return static_cast<int>(number);
}

Options parse(char **argv) {
  return {argv[1],           argv[2],           argv[3],           positive(argv[4]), positive(argv[5]),
          positive(argv[6]), positive(argv[7]), positive(argv[8]), argv[9]};
}

File open_file(const char *path, const char *mode) {
  File file(std::fopen(path, mode));
  if (file == nullptr) {
    throw std::runtime_error(std::string("cannot open ") + path);
  }
  return file;
}

void load(ncnn::Net &net, const Options &options) {
  net.opt.num_threads = 1;
  // The same arithmetic as the other side's: float32, or int8 where the model says so.
  net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = false;
  net.opt.use_bf16_storage = false;
  if (net.load_param(options.param) != 0 || net.load_model(options.bin) != 0) {
    throw std::runtime_error(std::string("cannot load ") + options.param);
  }
  if (net.input_indexes().size() != 1 || net.output_indexes().size() != 1) {
    throw std::runtime_error("the model has not one input and one output");
  }
}

// A channel of ncnn's begins at a multiple of 16 bytes.
ncnn::Mat read_sample(FILE *file, const Options &options) {
  ncnn::Mat sample(options.width, options.height, options.channels);
  size_t count = static_cast<size_t>(options.width) * static_cast<size_t>(options.height);
  for (int c = 0; c < options.channels; c++) {
    if (std::fread(sample.channel(c).data, sizeof(float), count, file) != count) {
      throw std::runtime_error("the input has fewer samples than asked for");
    }
  }
  return sample;
}

ncnn::Mat infer(const ncnn::Net &net, const ncnn::Mat &sample) {
  ncnn::Mat output;
  MARK_START();
  ncnn::Extractor extractor = net.create_extractor();
  int failed = extractor.input(net.input_indexes()[0], sample);
  failed = failed != 0 ? failed : extractor.extract(net.output_indexes()[0], output);
  MARK_END();
  if (failed != 0) {
    throw std::runtime_error("ncnn cannot run the model: " + std::to_string(failed));
  }
  return output;
}

void append(FILE *file, const ncnn::Mat &output) {
  size_t count = static_cast<size_t>(output.w) * static_cast<size_t>(output.h);
  for (int c = 0; c < output.c; c++) {
    if (std::fwrite(output.channel(c).data, sizeof(float), count, file) != count) {
      throw std::runtime_error("cannot write the output");
    }
  }
}

void run(const Options &options) {
  ncnn::Net net;
  load(net, options);
  File input = open_file(options.input, "rb"), output = open_file(options.output, "wb");
  for (int sample = 0; sample < options.samples; sample++) {
    ncnn::Mat data = read_sample(input.get(), options), logits;
    for (int repetition = 0; repetition < options.repetitions; repetition++) {
      logits = infer(net, data);
    }
    append(output.get(), logits);
  }
  if (std::fflush(output.get()) != 0) {
    throw std::runtime_error("cannot write the output");
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 10) {
    std::fputs("usage: driver MODEL.param MODEL.bin INPUT CHANNELS HEIGHT WIDTH SAMPLES REPETITIONS OUTPUT\n", stderr);
    return 2;
  }
  try {
    run(parse(argv));
  } catch (const std::exception &error) {
    std::fprintf(stderr, "driver: %s\n", error.what());
    return 1;
  }
  return 0;
}
