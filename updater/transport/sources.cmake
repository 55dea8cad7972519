# Included by updater/CMakeLists.txt: the sources of rollout, subscriber and transport, relative to updater/.
set(UPDATER_TRANSPORT_SOURCES
  evidence.cc decide.cc proportion.cc rollout.cc rollout_record.cc trial_evidence.cc node_state.cc
  transport/allow_list.cc transport/bulk_service.cc transport/feedback_desk.cc transport/fetcher.cc transport/head.cc
  transport/head_maker.cc transport/head_tracker.cc transport/manifest_check.cc transport/node_boot.cc
  transport/node_driver.cc transport/node_install.cc transport/node_link.cc transport/node_plan.cc
  transport/node_registry.cc transport/node_slots.cc transport/node_slots_format.cc transport/node_vitals.cc transport/object_choice.cc
  transport/peer_credit.cc transport/server_sockets.cc transport/subscriber.cc
  transport/update_server.cc transport/version_keeper.cc transport/wake.cc transport/wire.cc transport/wire_report.cc
  transport/zap_handler.cc transport/zmq_socket.cc)
set(UPDATER_TRANSPORT_HEADERS
  evidence.h rollout.h proportion.h rollout_record.h trial_evidence.h update_server.h subscriber.h node_state.h
  transport/allow_list.h transport/bulk_link.h transport/bulk_service.h transport/feedback_desk.h transport/fetcher.h transport/head.h
  transport/head_maker.h transport/head_tracker.h transport/manifest_check.h transport/node_driver.h
  transport/node_link.h transport/node_plan.h transport/node_registry.h transport/node_slots.h
  transport/node_vitals.h transport/object_choice.h transport/peer_credit.h 
  transport/server_sockets.h transport/version_keeper.h transport/wake.h transport/wire.h transport/wire_report.h transport/zap_handler.h
  transport/zmq_socket.h)
# Private: ZeroMQ lives in updater/transport only.
set(UPDATER_TRANSPORT_LINKS PkgConfig::ZMQ)
