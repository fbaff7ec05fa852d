// Loads a version as TF Serving does, with tensorflow::LoadSavedModel and without XLA, and runs every signature.
//
// Usage: load_and_run VERSION FOLDER
//
// FOLDER holds the rows, files named 0, 1, 2, …, which may be good or bad images; `pixels`, the uint8 bytes of one image
// of the model's size; and `alphabet` and `length`, the limits of all rows. For each signature that the version has, and
// for each batch size, one line a row is written:
//
//   <signature> <rows of the batch> <row> <output>=<value>[,<value>…] …
//
// with numbers as the 32 bits of their float, so that they can be compared to the bit.

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/public/session_options.h"

using tensorflow::Tensor;
using tensorflow::TensorShape;

namespace {

[[noreturn]] void Fail(const std::string& message) {
  std::cerr << message << "\n";
  std::exit(1);
}

bool ReadFile(const std::string& path, std::string* content) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  content->assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return true;
}

// The values of one row of an output, in order.
std::string Row(const Tensor& tensor, int64_t row) {
  const int64_t count = tensor.NumElements() / tensor.dim_size(0);
  std::string result;
  for (int64_t i = row * count; i < (row + 1) * count; ++i) {
    if (!result.empty()) result += ",";
    switch (tensor.dtype()) {
      case tensorflow::DT_STRING: {
        for (const unsigned char byte : std::string(tensor.flat<tensorflow::tstring>()(i))) {
          char hex[3];
          std::snprintf(hex, sizeof hex, "%02x", byte);
          result += hex;
        }
        break;
      }
      case tensorflow::DT_BOOL:
        result += tensor.flat<bool>()(i) ? "1" : "0";
        break;
      case tensorflow::DT_FLOAT: {
        uint32_t bits;
        const float value = tensor.flat<float>()(i);
        std::memcpy(&bits, &value, sizeof bits);
        result += std::to_string(bits);
        break;
      }
      default:
        Fail("unexpected type " + tensorflow::DataTypeString(tensor.dtype()));
    }
  }
  return result;
}

Tensor Strings(const std::vector<std::string>& rows) {
  Tensor result(tensorflow::DT_STRING, TensorShape({static_cast<int64_t>(rows.size())}));
  for (size_t i = 0; i < rows.size(); ++i) result.flat<tensorflow::tstring>()(i) = rows[i];
  return result;
}

using Inputs = std::map<std::string, Tensor>;

void Run(const tensorflow::SavedModelBundle& bundle, const std::string& name, const Inputs& inputs) {
  const auto& signature = bundle.GetSignatures().at(name);
  std::vector<std::pair<std::string, Tensor>> feeds;
  for (const auto& input : signature.inputs()) feeds.emplace_back(input.second.name(), inputs.at(input.first));
  const int64_t rows = inputs.begin()->second.dim_size(0);
  // A protobuf map has no order.
  const std::map<std::string, tensorflow::TensorInfo> sorted(signature.outputs().begin(), signature.outputs().end());
  std::vector<std::string> aliases, fetches;
  for (const auto& output : sorted) {
    aliases.push_back(output.first);
    fetches.push_back(output.second.name());
  }
  std::vector<Tensor> outputs;
  const auto status = bundle.GetSession()->Run(feeds, fetches, {}, &outputs);
  if (!status.ok()) Fail(name + ": " + std::string(status.message()));
  for (int64_t row = 0; row < rows; ++row) {
    std::cout << name << " " << rows << " " << row;
    for (size_t i = 0; i < outputs.size(); ++i) std::cout << " " << aliases[i] << "=" << Row(outputs[i], row);
    std::cout << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) Fail("usage: load_and_run VERSION FOLDER");
  const std::string folder = argv[2];

  tensorflow::SessionOptions options;
  options.config.mutable_graph_options()->mutable_optimizer_options()->set_global_jit_level(
      tensorflow::OptimizerOptions::OFF);
  tensorflow::SavedModelBundle bundle;
  const auto status = tensorflow::LoadSavedModel(options, tensorflow::RunOptions(), argv[1],
                                                 {"serve"}, &bundle);
  if (!status.ok()) Fail(std::string(status.message()));

  std::vector<std::string> files;
  std::string content;
  while (ReadFile(folder + "/" + std::to_string(files.size()), &content)) files.push_back(content);

  std::string alphabet, length;
  if (!ReadFile(folder + "/alphabet", &alphabet) || !ReadFile(folder + "/length", &length)) Fail("limits are missing");
  const auto inputs = [&](const std::vector<std::string>& rows) {
    return Inputs{{"image_bytes", Strings(rows)},
                  {"alphabet", Strings(std::vector<std::string>(rows.size(), alphabet))},
                  {"length", Strings(std::vector<std::string>(rows.size(), length))}};
  };
  for (const auto& name : {"serving_default", "limited", "probabilities"}) {
    if (bundle.GetSignatures().count(name) == 0) continue;
    for (const std::string& file : files) Run(bundle, name, inputs({file}));
    Run(bundle, name, inputs(files));
  }

  const auto& shape = bundle.GetSignatures().at("images").inputs().at("image").tensor_shape();
  Tensor pixels(tensorflow::DT_UINT8,
                TensorShape({1, shape.dim(1).size(), shape.dim(2).size(), shape.dim(3).size()}));
  if (!ReadFile(folder + "/pixels", &content) || content.size() != static_cast<size_t>(pixels.NumElements())) {
    Fail("pixels are missing or of another size");
  }
  std::memcpy(pixels.flat<uint8_t>().data(), content.data(), content.size());
  Run(bundle, "images", {{"image", pixels}});
  return 0;
}
