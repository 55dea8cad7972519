#include "trainer/sgd.h"

namespace perennial::trainer {

void Sgd::Apply(FlatParameters& parameters, double learning_rate, double scale) {
  torch::Tensor& weights = parameters.values();
  if (options_.weight_decay > 0) parameters.learned().mul_(1 - learning_rate * options_.weight_decay);
  if (options_.momentum == 0) {
    weights.add_(parameters.gradients(), -learning_rate * scale);
    return;
  }
  moment1_.mul_(options_.momentum).add_(parameters.gradients(), scale);
  weights.add_(moment1_, -learning_rate);
}

}  // namespace perennial::trainer
