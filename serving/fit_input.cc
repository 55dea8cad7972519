#include "serving/fit_input.h"

#include "serving/model/preprocess.h"

namespace perennial::serving {

PreparedInput FitTo(const DecodedInput& input, const format::ModelSpec& spec) {
  PreparedInput out;
  out.text = input.text;
  if (input.image) out.pixels = model::FitImage(*input.image, spec);
  return out;
}

}  // namespace perennial::serving
