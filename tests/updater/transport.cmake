# Included by CMakeLists.txt: rollout, node and transport.
set(UPDATER_TEST_ROWS storage_base storage_format storage_kv storage_versions updater)
perennial_test(updater_flow
  SOURCES update_flow_test.cc support/hub_and_node.cc
  LINKS ${UPDATER_TEST_ROWS} LABELS integration)
perennial_test(updater_faults
  SOURCES update_fault_test.cc update_access_test.cc support/hub_and_node.cc
  LINKS ${UPDATER_TEST_ROWS} PRIVATE_LINKS PkgConfig::ZMQ LABELS integration)
perennial_test(updater_transport
  SOURCES wire_test.cc head_test.cc node_state_test.cc node_plan_test.cc peer_credit_test.cc manifest_rules_test.cc
          fetcher_test.cc feedback_desk_test.cc node_registry_test.cc
  LINKS ${UPDATER_TEST_ROWS})
perennial_test(updater_rollout
  SOURCES decide_test.cc rollout_test.cc support/hub_and_node.cc
  LINKS ${UPDATER_TEST_ROWS})
perennial_test(updater_crash
  SOURCES node_crash_test.cc support/hub_and_node.cc
  LINKS ${UPDATER_TEST_ROWS} LABELS crash WHOLE TIMEOUT 300)
