// A user's program that finds operations and models compiled: it does not link without the libraries.
#include <gmoe/compiled/models.hpp>
#include <gmoe/gmoe.hpp>

#include <cstdio>
#include <string>

int main() {
  std::string text;
  while (text.size() < 4000) text += "in the beginning was the word, and ";
  const auto corpus = gmoe::corpus::from_text(text);
  // Of one family, as only that one is built here.
  const auto model = gmoe::make_model<gmoe::cpu<float>, gmoe::dense_cards>(
      "dense-relu", {.positions = 16, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 32});
  const auto result =
      gmoe::train(*model, corpus.bytes(), {.steps = 30, .batch = 4, .sequence = 16, .learning_rate = 0.01});
  std::printf("gmoe %s: loss %.3f, '%s'\n", gmoe::version_string, result.loss,
              gmoe::continue_text(*model, "in", {.tokens = 8}).c_str());
  return result.loss < 4 ? 0 : 1;  // at the start it is log 256 = 5.5
}
