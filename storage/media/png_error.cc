#include "storage/media/png_error.h"

#include <cstdio>

namespace perennial::media {

void OnPngError(png_structp png, png_const_charp text) {
  auto* errors = static_cast<PngErrors*>(png_get_error_ptr(png));
  if (errors != nullptr) std::snprintf(errors->message, sizeof(errors->message), "%s", text);
  png_longjmp(png, 1);
}

void OnPngWarning(png_structp, png_const_charp) {}

}  // namespace perennial::media
