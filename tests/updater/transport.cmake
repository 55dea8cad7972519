# Included by CMakeLists.txt: rollout, node and transport.
set(UPDATER_TEST_ROWS storage_base storage_format storage_kv storage_versions updater)
perennial_test(updater_flow
  SOURCES update_flow_test.cc support/hub_and_node.cc
  LINKS ${UPDATER_TEST_ROWS} LABELS integration)
perennial_test(updater_faults
  SOURCES update_fault_test.cc update_access_test.cc support/hub_and_node.cc
  LINKS ${UPDATER_TEST_ROWS} PRIVATE_LINKS PkgConfig::ZMQ LABELS integration)
