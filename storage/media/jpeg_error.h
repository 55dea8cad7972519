#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdio>
// jpeglib.h needs size_t and FILE declared before it.
#include <jpeglib.h>

// libjpeg's way out of an error. Private to storage/media.
namespace perennial::media {

// libjpeg reports errors through a function that must not return. Ours keeps the message and jumps to `escape`, so
// every function that sets it holds only trivially destructible locals. Warnings that say the data is damaged or ends
// early count as errors: libjpeg itself would invent grey pixels and go on.
struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg's pointer to it is a pointer to us
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];

  // Sets the hooks and returns what belongs into the codec's `err`.
  jpeg_error_mgr* Install();
};

}  // namespace perennial::media
