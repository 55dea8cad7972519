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

void Sgd::ApplyOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& factor) {
  torch::Tensor& weights = parameters.values();
  const torch::Tensor rate = rates[0];
  if (options_.weight_decay > 0) parameters.learned().mul_(1 - rate * factor * options_.weight_decay);
  if (options_.momentum == 0) {
    weights.addcmul_(parameters.gradients(), rate, -1);
    return;
  }
  moment1_.mul_(1 - factor * (1 - options_.momentum)).add_(parameters.gradients());
  weights.addcmul_(moment1_, rate * factor, -1);
}

}  // namespace perennial::trainer
