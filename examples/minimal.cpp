// Trains a small GMoE on a text and lets it write. Usage: minimal TEXT
// [program]
#include <gmoe/gmoe.hpp>
#include <iostream>

int main(int argc, char** argv) try {
  const auto text = gmoe::corpus::read(argc > 1 ? argv[1] : "text.txt");
  gmoe::language_model<gmoe::gmoe_card, gmoe::cpu<float>> model{{.d_model = 64, .layers = 3, .experts = 4}};
  const auto result = gmoe::train(model, text.bytes(), {.steps = 300});
  std::cout << "perplexity " << result.perplexity() << "\n"
            << gmoe::continue_text(model, "And God said", {.tokens = 100}) << "\n";
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
// [/program]
