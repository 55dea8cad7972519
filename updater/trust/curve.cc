#include "updater/trust/curve.h"

#include <sodium.h>

#include <cstring>

#include "updater/trust/keyring.h"
#include "updater/trust/secret_bytes.h"
#include "updater/trust/z85.h"

namespace perennial::trust {

// ZeroMQ's CURVE keys are Curve25519 keys, as crypto_box makes them.
CurveKeyPair GenerateCurve() {
  SecretBytes secret(crypto_box_SECRETKEYBYTES);
  std::string public_key(crypto_box_PUBLICKEYBYTES, '\0');
  crypto_box_keypair(reinterpret_cast<unsigned char*>(public_key.data()), secret.data());
  return {Z85Encode(public_key), Z85Encode({reinterpret_cast<const char*>(secret.data()), secret.size()})};
}

Status CheckCurvePublic(std::string_view public_z85) {
  const Result<std::string> raw = Z85Decode(public_z85);
  if (!raw.ok()) return raw.status();
  if (raw->size() != crypto_box_PUBLICKEYBYTES) return InvalidArgument("a CURVE key has 40 characters");
  return Status::Ok();
}

Status CheckCurvePair(std::string_view public_z85, std::string_view secret_z85) {
  EnsureSodium();
  PERENNIAL_RETURN_IF_ERROR(CheckCurvePublic(public_z85));
  PERENNIAL_ASSIGN_OR_RETURN(std::string secret, Z85Decode(secret_z85));
  std::string derived(crypto_box_PUBLICKEYBYTES, '\0');
  const bool right_size = secret.size() == crypto_box_SECRETKEYBYTES;
  if (right_size) {
    crypto_scalarmult_base(reinterpret_cast<unsigned char*>(derived.data()),
                           reinterpret_cast<const unsigned char*>(secret.data()));
  }
  Wipe(secret);
  if (!right_size || Z85Encode(derived) != public_z85) {
    return InvalidArgument("the CURVE secret does not belong to the public key beside it");
  }
  return Status::Ok();
}

}  // namespace perennial::trust
