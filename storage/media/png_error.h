#pragma once

#include <png.h>

// libpng's way out of an error. Private to storage/media.
namespace perennial::media {

// Keeps the message of the first error; the jump goes through libpng's own jump buffer. Functions that set it hold only
// trivially destructible locals.
struct PngErrors {
  char message[128] = "";
};

// For png_create_read_struct and png_create_write_struct, with a PngErrors as the error pointer.
[[noreturn]] void OnPngError(png_structp png, png_const_charp text);
void OnPngWarning(png_structp png, png_const_charp text);

}  // namespace perennial::media
