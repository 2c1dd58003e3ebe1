// SPDX-License-Identifier: Apache-2.0
//
// chexworld-decoder: started by the library, never by hand (sandbox/decoder.h).
#include "sandbox/decoder_process.h"
#include "sandbox/prepare_radiograph.h"

int main() { return chexworld::run_decoder_process(chexworld::prepare_radiograph); }
