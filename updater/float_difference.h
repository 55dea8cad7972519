#pragma once

#include <cstdint>

// Differences of floats as integers: their bit patterns subtracted modulo 2^32 and folded (+1 -> 2, -1 -> 1).
// Neighbouring values of the same sign have neighbouring patterns, so a small change is a small number. A bijection on
// bits: nothing is rounded. Pure.
namespace perennial::updater {

uint32_t FoldFloat(float base, float target);
float UnfoldFloat(float base, uint32_t folded);

}  // namespace perennial::updater
