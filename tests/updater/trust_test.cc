#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "storage/base/bytes.h"
#include "storage/base/env.h"
#include "updater/trust/keyring.h"
#include "updater/trust/signer.h"

namespace perennial::trust {
namespace {

format::Manifest SomeManifest() {
  format::Manifest manifest;
  manifest.model_id = "default";
  manifest.version = VersionId{4};
  manifest.parent = VersionId{3};
  manifest.target_root = Sha256("root");
  format::ObjectRef object;
  object.codec = 1;
  object.bytes = 10;
  object.decoded_bytes = 20;
  object.chunk_size = 100;
  object.chunks = {Sha256("chunk")};
  manifest.objects = {object};
  return manifest;
}

uint32_t Mode(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(Verifier, AcceptsWhatTheTrustedKeySigned) {
  const auto signer = Signer::Generate();
  const Verifier verifier({signer->public_key()}, 1);
  const Result<format::Manifest> manifest = verifier.VerifyManifest(signer->SignManifest(SomeManifest()));
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(*manifest, SomeManifest());
}

TEST(Verifier, RefusesAFlipOfAnyByteOfManifestKeyIdOrSignature) {
  const auto signer = Signer::Generate();
  const Verifier verifier({signer->public_key()}, 1);
  const format::SignedManifest good = signer->SignManifest(SomeManifest());
  const auto refuses = [&](const format::SignedManifest& bad) {
    return verifier.VerifyManifest(bad).status().code() == Code::kPermissionDenied;
  };
  for (size_t i = 0; i < good.bytes.size(); ++i) {
    format::SignedManifest bad = good;
    bad.bytes[i] = static_cast<char>(bad.bytes[i] ^ 0x10);
    EXPECT_TRUE(refuses(bad)) << "manifest byte " << i;
  }
  for (size_t i = 0; i < 64; ++i) {
    format::SignedManifest bad = good;
    bad.signatures[0].signature[i] = static_cast<char>(bad.signatures[0].signature[i] ^ 1);
    EXPECT_TRUE(refuses(bad)) << "signature byte " << i;
  }
  for (size_t i = 0; i < 8; ++i) {
    format::SignedManifest bad = good;
    bad.signatures[0].key_id[i] = static_cast<char>(bad.signatures[0].key_id[i] ^ 1);
    EXPECT_TRUE(refuses(bad)) << "key id byte " << i;
  }
}

TEST(Verifier, RefusesAnotherKeyAndNoSignature) {
  const auto signer = Signer::Generate(), stranger = Signer::Generate();
  const Verifier verifier({signer->public_key()}, 1);
  EXPECT_EQ(verifier.VerifyManifest(stranger->SignManifest(SomeManifest())).status().code(), Code::kPermissionDenied);
  EXPECT_EQ(verifier.VerifyManifest({SomeManifest().Encode(), {}}).status().code(), Code::kPermissionDenied);
  // The stranger claims to be the trusted key.
  format::SignedManifest claimed = stranger->SignManifest(SomeManifest());
  claimed.signatures[0].key_id = signer->public_key().Id();
  EXPECT_EQ(verifier.VerifyManifest(claimed).status().code(), Code::kPermissionDenied);
}

TEST(Verifier, CountsAKeyOnceUnderAThresholdOfTwo) {
  const auto first = Signer::Generate(), second = Signer::Generate();
  const Verifier verifier({first->public_key(), second->public_key()}, 2);
  format::SignedManifest manifest = first->SignManifest(SomeManifest());
  manifest.signatures.push_back(manifest.signatures[0]);
  EXPECT_EQ(verifier.VerifyManifest(manifest).status().code(), Code::kPermissionDenied);
  manifest.signatures.push_back(second->SignManifest(SomeManifest()).signatures[0]);
  EXPECT_TRUE(verifier.VerifyManifest(manifest).ok());
}

TEST(Verifier, TrustsNobodyUnderAThresholdOfZero) {
  EXPECT_FALSE(Verifier({}, 0).VerifyManifest({SomeManifest().Encode(), {}}).ok());
}

TEST(Verifier, ExtraInvalidSignaturesDoNoHarm) {
  const auto signer = Signer::Generate(), stranger = Signer::Generate();
  const Verifier verifier({signer->public_key()}, 1);
  format::SignedManifest manifest = signer->SignManifest(SomeManifest());
  manifest.signatures.insert(manifest.signatures.begin(), {signer->public_key().Id(), std::string(64, 'x')});
  manifest.signatures.push_back(stranger->SignManifest(SomeManifest()).signatures[0]);
  EXPECT_TRUE(verifier.VerifyManifest(manifest).ok());
}

TEST(Verifier, ASignatureForOnePurposeIsNoUseForAnother) {
  const auto signer = Signer::Generate();
  const Verifier verifier({signer->public_key()}, 1);
  const std::string id = signer->public_key().Id();
  const std::string signature = signer->Sign(kHeadContext, "message");
  EXPECT_TRUE(verifier.VerifyOne(kHeadContext, "message", id, signature));
  EXPECT_FALSE(verifier.VerifyOne(kManifestContext, "message", id, signature));
  EXPECT_FALSE(verifier.VerifyOne("perennial head", " v1message", id, signature));
  EXPECT_FALSE(verifier.VerifyOne(kHeadContext, "message", id, signature.substr(1)));
}

TEST(Verifier, SignaturesFollowRfc8032) {
  // RFC 8032, 7.1, test 1: the empty message. Signed here with a context, so only the public key is comparable.
  const auto folder = std::move(*TemporaryFolder::Make("trust"));
  const std::string path = folder.path() + "/release.key";
  const std::string seed = *HexDecode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  ASSERT_TRUE(
      Env::Posix().WriteFileAtomic(path, "perennial-ed25519-secret-v1 " + Base64Encode(seed) + "\n", 0600).ok());
  const auto signer = Signer::Load(path);
  ASSERT_TRUE(signer.ok()) << signer.status().ToString();
  const PublicKey key = (*signer)->public_key();
  EXPECT_EQ(HexEncode({reinterpret_cast<const char*>(key.bytes.data()), 32}),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

class KeyFiles : public testing::Test {
 protected:
  const TemporaryFolder folder_ = std::move(*TemporaryFolder::Make("keys"));
  const std::string hub_ = folder_.path() + "/hub";
  const std::string bundle_ = folder_.path() + "/bundle";
};

TEST_F(KeyFiles, SignerSurvivesItsFile) {
  const auto signer = Signer::Generate();
  const std::string path = folder_.path() + "/release.key";
  ASSERT_TRUE(signer->Save(path).ok());
  EXPECT_EQ(Mode(path), 0600u);
  const auto loaded = Signer::Load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ((*loaded)->public_key(), signer->public_key());
  EXPECT_EQ((*loaded)->Sign("c", "m"), signer->Sign("c", "m"));
}

TEST_F(KeyFiles, AKeyThatOthersMayReadOrWriteIsRefused) {
  const std::string path = folder_.path() + "/release.key";
  ASSERT_TRUE(Signer::Generate()->Save(path).ok());
  for (const mode_t mode : {0640u, 0604u, 0620u, 0644u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const Status status = Signer::Load(path).status();
    EXPECT_EQ(status.code(), Code::kPermissionDenied);
    EXPECT_NE(status.hint().find("chmod 600"), std::string::npos);
  }
}

TEST_F(KeyFiles, ADamagedKeyFileIsRefusedWithoutQuotingIt) {
  const std::string path = folder_.path() + "/release.key";
  ASSERT_TRUE(Signer::Generate()->Save(path).ok());
  const std::string whole = *Env::Posix().ReadFile(path, 4096);
  const std::string secret = whole.substr(whole.find(' ') + 1, 40);
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(Env::Posix().WriteFileAtomic(path, whole.substr(0, size), 0600).ok());
    const Status status = Signer::Load(path).status();
    EXPECT_EQ(status.code(), Code::kCorruption) << size;
    EXPECT_EQ(status.ToString().find(secret), std::string::npos);
  }
}

TEST_F(KeyFiles, HubAndNodeFindEachOtherThroughTheBundle) {
  ASSERT_TRUE(HubKeyring::Init(hub_).ok());
  EXPECT_EQ(HubKeyring::Init(hub_).code(), Code::kAlreadyExists);
  const auto hub = std::move(*HubKeyring::Load(hub_));
  EXPECT_TRUE(hub->AllowedNodes()->empty());
  ASSERT_TRUE(HubKeyring::AddNode(hub_, "edge-1", bundle_).ok());
  const Result<NodeBundle> bundle = NodeBundle::Load(bundle_);
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  EXPECT_EQ(bundle->name, "edge-1");
  EXPECT_EQ(bundle->hub_curve_public_z85, hub->curve().public_z85);
  EXPECT_EQ(bundle->release_key, hub->signer().public_key());
  const auto nodes = hub->AllowedNodes();
  ASSERT_TRUE(nodes.ok());
  EXPECT_EQ(*nodes, (std::map<std::string, std::string>{{bundle->curve.public_z85, "edge-1"}}));
  ASSERT_TRUE(HubKeyring::RevokeNode(hub_, "edge-1").ok());
  EXPECT_TRUE(hub->AllowedNodes()->empty()) << "read anew each time";
  EXPECT_EQ(HubKeyring::RevokeNode(hub_, "edge-1").code(), Code::kNotFound);
}

TEST_F(KeyFiles, SecretsAreForTheOwnerOnly) {
  ASSERT_TRUE(HubKeyring::Init(hub_).ok());
  ASSERT_TRUE(HubKeyring::AddNode(hub_, "edge-1", bundle_).ok());
  EXPECT_EQ(Mode(hub_), 0700u);
  EXPECT_EQ(Mode(hub_ + "/release.key"), 0600u);
  EXPECT_EQ(Mode(hub_ + "/curve.key"), 0600u);
  EXPECT_EQ(Mode(bundle_ + "/node.key"), 0600u);
  ASSERT_EQ(::chmod((bundle_ + "/node.key").c_str(), 0644), 0);
  EXPECT_EQ(NodeBundle::Load(bundle_).status().code(), Code::kPermissionDenied);
  ASSERT_EQ(::chmod((hub_ + "/curve.key").c_str(), 0660), 0);
  EXPECT_EQ(HubKeyring::Load(hub_).status().code(), Code::kPermissionDenied);
}

TEST_F(KeyFiles, ASecretThatDoesNotFitItsPublicKeyIsRefused) {
  ASSERT_TRUE(HubKeyring::Init(hub_).ok());
  const CurveKeyPair one = GenerateCurve(), two = GenerateCurve();
  ASSERT_TRUE(Env::Posix()
                  .WriteFileAtomic(hub_ + "/curve.key",
                                   "perennial-curve-secret-v1 " + one.public_z85 + " " + two.secret_z85 + "\n", 0600)
                  .ok());
  const Status status = HubKeyring::Load(hub_).status();
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_EQ(status.ToString().find(two.secret_z85), std::string::npos);
}

TEST_F(KeyFiles, NodesAreAddedOnceUnderGoodNamesOnly) {
  EXPECT_EQ(HubKeyring::AddNode(hub_, "edge-1", bundle_).code(), Code::kNotFound) << "no hub keys yet";
  ASSERT_TRUE(HubKeyring::Init(hub_).ok());
  for (const std::string name : {"", "../x", "Edge", "a b", "-a", ".a"}) {
    EXPECT_EQ(HubKeyring::AddNode(hub_, name, bundle_).code(), Code::kInvalidArgument) << name;
  }
  EXPECT_FALSE(ValidateNodeName(std::string(65, 'a')).ok());
  ASSERT_TRUE(HubKeyring::AddNode(hub_, "edge-1", bundle_).ok());
  EXPECT_EQ(HubKeyring::AddNode(hub_, "edge-1", bundle_ + "2").code(), Code::kAlreadyExists);
  EXPECT_EQ(HubKeyring::AddNode(hub_, "edge-2", bundle_).code(), Code::kAlreadyExists) << "the folder is taken";
}

TEST_F(KeyFiles, ADamagedAllowListEntryIsAnErrorThatNamesTheFile) {
  ASSERT_TRUE(HubKeyring::Init(hub_).ok());
  std::ofstream(hub_ + "/nodes/edge-9.pub") << "nonsense\n";
  const Status status = (*HubKeyring::Load(hub_))->AllowedNodes().status();
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.message().find("edge-9.pub"), std::string::npos);
}

}  // namespace
}  // namespace perennial::trust
