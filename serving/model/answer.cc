#include "serving/model/answer.h"

namespace perennial::model {

FeatureInput ViewOf(const ModelInput& input) {
  FeatureInput view;
  view.batch = input.images.size(0);
  view.side = input.images.size(2);
  view.text_length = input.tokens.size(1);
  view.images = input.images.data_ptr<float>();
  view.has_image = input.has_image.data_ptr<bool>();
  view.tokens = input.tokens.data_ptr<int64_t>();
  view.has_text = input.has_text.data_ptr<bool>();
  return view;
}

torch::Tensor Answer(Model& network, const InstantHead* head, const ModelInput& input) {
  const torch::Tensor logits = network.Forward(input).logits;
  TORCH_CHECK(logits.dim() == 2 && logits.size(0) == input.images.size(0), "the network gave outputs of a wrong shape");
  torch::Tensor probabilities = torch::softmax(logits.to(torch::kFloat32), 1).to(torch::kCPU).contiguous();
  if (head == nullptr) return probabilities;
  TORCH_CHECK(probabilities.size(1) == head->labels(), "the instant head has other labels than the network");
  const ModelInput here{input.images.to(torch::kCPU).contiguous(), input.has_image.to(torch::kCPU).contiguous(),
                        input.tokens.to(torch::kCPU).contiguous(), input.has_text.to(torch::kCPU).contiguous()};
  head->BlendInto(ViewOf(here), probabilities.data_ptr<float>());
  return probabilities;
}

}  // namespace perennial::model
