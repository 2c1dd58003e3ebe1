// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks what libchexworld.so offers to its users; everything else stays hidden.
#define CHEXWORLD_API __attribute__((visibility("default")))
