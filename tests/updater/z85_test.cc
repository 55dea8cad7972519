#include "updater/trust/z85.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/rng.h"
#include "updater/trust/curve.h"
#include "updater/trust/keyring.h"

namespace perennial::trust {
namespace {

TEST(Z85, MatchesTheVectorOfItsSpecification) {
  const std::string bytes = *HexDecode("864fd26fb559f75b");
  EXPECT_EQ(Z85Encode(bytes), "HelloWorld");
  EXPECT_EQ(*Z85Decode("HelloWorld"), bytes);
}

TEST(Z85, RoundTripsAnyWords) {
  Rng rng(71);
  for (int i = 0; i < 300; ++i) {
    std::string bytes(4 * rng.Below(12), '\0');
    for (char& c : bytes) c = static_cast<char>(rng.Chance(0.2) ? 0xff : rng.Below(256));
    EXPECT_EQ(*Z85Decode(Z85Encode(bytes)), bytes);
  }
}

TEST(Z85, RefusesWrongLengthsCharactersAndOverflow) {
  EXPECT_FALSE(Z85Decode("Hell").ok());
  EXPECT_FALSE(Z85Decode("Hell~").ok());
  EXPECT_FALSE(Z85Decode("Hell\xff").ok());
  EXPECT_FALSE(Z85Decode("#####").ok());
  EXPECT_TRUE(Z85Decode("%nSc0").ok()) << "2^32 - 1";
  EXPECT_FALSE(Z85Decode("%nSc1").ok()) << "2^32";
}

TEST(Curve, PairsFitAndDiffer) {
  const CurveKeyPair one = GenerateCurve(), two = GenerateCurve();
  EXPECT_EQ(one.public_z85.size(), 40u);
  EXPECT_EQ(one.secret_z85.size(), 40u);
  EXPECT_NE(one.public_z85, two.public_z85);
  EXPECT_TRUE(CheckCurvePair(one.public_z85, one.secret_z85).ok());
  EXPECT_FALSE(CheckCurvePair(one.public_z85, two.secret_z85).ok());
}

TEST(Curve, AcceptsThePairsOfZeroMqsManual) {
  EXPECT_TRUE(
      CheckCurvePair("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6").ok());
  EXPECT_TRUE(
      CheckCurvePair("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs").ok());
}

}  // namespace
}  // namespace perennial::trust
