// SPDX-License-Identifier: Apache-2.0
//
// Every command of the `chexworld` program. A command declares its options on the application and, when
// chosen, runs in the callback; it reports failure by throwing Failure and never calls exit().
#pragma once

#include <CLI/CLI.hpp>

namespace chexworld::cli {

void add_doctor(CLI::App& application);
void add_model(CLI::App& application);
void add_model_create(CLI::App& model);  // builds with the trainer, a command of `model`
void add_orthanc_config(CLI::App& application);
void add_inspect(CLI::App& application);      // builds with DICOM
void add_render(CLI::App& application);       // builds with DICOM
void add_phantom(CLI::App& application);      // builds with DICOM
void add_wrap(CLI::App& application);         // builds with DICOM and the trainer
void add_bench(CLI::App& application);        // builds with oneDNN
void add_embed(CLI::App& application);        // builds with the pipeline
void add_explain(CLI::App& application);      // builds with the pipeline
void add_segment(CLI::App& application);      // builds with the pipeline and the trainer
void add_store(CLI::App& application);        // builds with the service
void add_serve(CLI::App& application);        // builds with service, DICOM and oneDNN
void add_search(CLI::App& application);       // builds with the service
void add_archive(CLI::App& application);      // builds with the trainer
void add_pretrain(CLI::App& application);     // builds with the trainer
void add_sensitivity(CLI::App& application);  // builds with the trainer
void add_finetune(CLI::App& application);     // builds with the trainer
void add_probe(CLI::App& application);        // builds with the trainer
void add_evaluate(CLI::App& application);     // builds with the trainer

}  // namespace chexworld::cli
