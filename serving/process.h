#pragma once

namespace perennial::serving {

// Settings of the whole process that serving wants; called once by a program that serves, before it starts threads. The
// C library otherwise gives the activations' memory back to the system after every batch and takes it again for the
// next: 15-20 % of the time of a base network's forward pass went into page faults (2-core Debian 12, 2026-11), and
// their locks into the tail of the latencies.
void PrepareProcess();

}  // namespace perennial::serving
