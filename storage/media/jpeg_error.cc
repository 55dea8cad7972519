#include "storage/media/jpeg_error.h"

#include <jerror.h>

namespace perennial::media {
namespace {

[[noreturn]] void Leave(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  (*codec->err->format_message)(codec, errors->message);
  std::longjmp(errors->escape, 1);
}

// These say something about a header and nothing about the pixels.
bool Harmless(int code) { return code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM || code == JWRN_BOGUS_ICC; }

void OnMessage(j_common_ptr codec, int level) {
  if (level < 0 && !Harmless(codec->err->msg_code)) Leave(codec);
}

void Silent(j_common_ptr) {}

}  // namespace

jpeg_error_mgr* JpegErrors::Install() {
  jpeg_std_error(&manager);
  manager.error_exit = Leave;
  manager.emit_message = OnMessage;
  manager.output_message = Silent;
  message[0] = '\0';
  return &manager;
}

}  // namespace perennial::media
