// SPDX-License-Identifier: Apache-2.0
//
// Run-time choice between instruction sets for the loops over pixels.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHEXWORLD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CHEXWORLD_SANITIZED 1
#endif
#endif

// Compiles the function for AVX2 as well and lets the loader choose. "avx2" does not bring fused
// multiply-add, so both versions give the same numbers. Sanitizers start too late for the choice.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(CHEXWORLD_SANITIZED)
#define CHEXWORLD_AVX2_CLONE __attribute__((target_clones("avx2", "default")))
#else
#define CHEXWORLD_AVX2_CLONE
#endif
