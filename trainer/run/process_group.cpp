// SPDX-License-Identifier: Apache-2.0
//
// LibTorch's own c10d: Gloo, which needs nothing but a network, or NCCL. The only file that includes it.
#include "trainer/run/process_group.h"

#include "base/failure.h"

#include <cstdlib>
#include <optional>
#include <string>

#ifdef CHEXWORLD_HAVE_GLOO
#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#ifdef CHEXWORLD_HAVE_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace chexworld {
namespace {

struct Environment {
  std::int64_t rank = 0, size = 1;
  std::string host;
  int port = 29500;
};

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::int64_t number(const char* name, const std::string& text) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    fail(ErrorCode::kInvalidArgument, std::string("the environment variable ") + name + " must be a number");
  return std::stoll(text);
}

/// torchrun's variables, else Slurm's.
Environment environment() {
  const char *size_name = "WORLD_SIZE", *rank_name = "RANK";
  if (!variable(size_name)) size_name = "SLURM_NTASKS", rank_name = "SLURM_PROCID";
  Environment found;
  const std::optional<std::string> size = variable(size_name), rank = variable(rank_name);
  if (!size || !rank) return found;  // an interactive shell of Slurm has the first without the second
  found.size = number(size_name, *size);
  found.rank = number(rank_name, *rank);
  found.host = variable("MASTER_ADDR").value_or("");
  if (const auto port = variable("MASTER_PORT")) found.port = int(number("MASTER_PORT", *port));
  if (found.size < 1 || found.rank >= found.size || found.port > 65535)
    fail(ErrorCode::kInvalidArgument, std::string(rank_name) + ", " + size_name + " or MASTER_PORT cannot be: rank " +
                                          std::to_string(found.rank) + " of " + std::to_string(found.size));
  if (found.size > 1 && found.host.empty())
    fail(ErrorCode::kInvalidArgument, "training on several processes needs MASTER_ADDR, the host of rank 0");
  return found;
}

#ifdef CHEXWORLD_HAVE_GLOO

template <class Action>
auto collective(Action&& action) {
  try {
    return action();
  } catch (const Failure&) {
    throw;
  } catch (const std::exception&) {
    fail(ErrorCode::kUnavailable,
         "a process of the group has ended or cannot be reached; start all of them again with --resume");
  }
}

using BackendPointer = c10::intrusive_ptr<c10d::Backend>;
using StorePointer = c10::intrusive_ptr<c10d::Store>;

StorePointer meeting_place(const Environment& where) {
  c10d::TCPStoreOptions store;
  store.port = std::uint16_t(where.port);
  store.isServer = where.rank == 0;
  store.numWorkers = std::size_t(where.size);
  store.timeout = std::chrono::minutes(5);
  store.useLibUV = false;  // Debian's LibTorch has none
  return c10::make_intrusive<c10d::TCPStore>(where.host, store);
}

BackendPointer gloo(const Environment& where, const StorePointer& store) {
  auto options = c10d::ProcessGroupGloo::Options::create();
  options->devices.push_back(where.host == "localhost" || where.host.starts_with("127.")
                                 ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                 : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, int(where.rank), int(where.size), options);
}

#ifdef CHEXWORLD_HAVE_NCCL
constexpr bool kHaveNccl = true;
BackendPointer nccl(const Environment& where, const StorePointer& store) {
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, int(where.rank), int(where.size));
}
#else
constexpr bool kHaveNccl = false;
BackendPointer nccl(const Environment&, const StorePointer&) { return {}; }
#endif

class BackendGroup final : public ProcessGroup {
 public:
  BackendGroup(const Environment& where, at::Device device)
      : rank_(where.rank), size_(where.size), device_(kHaveNccl && device.is_cuda() ? device : at::Device(at::kCPU)) {
    const StorePointer store = meeting_place(where);
    group_ = device_.is_cuda() ? nccl(where, store) : gloo(where, store);
  }

  std::int64_t rank() const override { return rank_; }
  std::int64_t size() const override { return size_; }
  at::Device device() const override { return device_; }

  Pending start_sum(const at::Tensor& tensor) override {
    return collective([&]() -> Pending {
      std::vector<at::Tensor> list{tensor};
      return [work = group_->allreduce(list)] { collective([&] { work->wait(); }); };
    });
  }

  void broadcast(const std::vector<at::Tensor>& tensors) override {
    collective([&] {
      for (const at::Tensor& tensor : tensors) {
        std::vector<at::Tensor> list{tensor.to(device_).contiguous()};
        group_->broadcast(list)->wait();
        tensor.copy_(list[0]);
      }
    });
  }

  bool any(bool mine) override {
    const at::Tensor flag = at::zeros({1}, device_);
    if (mine) flag.fill_(1);
    start_sum(flag)();
    return flag.item<float>() > 0;
  }

 private:
  std::int64_t rank_, size_;
  at::Device device_;
  BackendPointer group_;
};

std::unique_ptr<ProcessGroup> join(const Environment& where, at::Device device) {
  return within("joining the group as rank " + std::to_string(where.rank) + " of " + std::to_string(where.size),
                [&]() -> std::unique_ptr<ProcessGroup> {
                  return collective([&] { return std::make_unique<BackendGroup>(where, device); });
                });
}

#else

std::unique_ptr<ProcessGroup> join(const Environment&, at::Device) {
  fail(ErrorCode::kUnsupported, "this program was built with a LibTorch without Gloo and trains on one process only");
}

#endif

}  // namespace

std::unique_ptr<ProcessGroup> join_process_group(at::Device device) {
  const Environment where = environment();
  return where.size == 1 ? nullptr : join(where, device);
}

at::Device device_of_process(const std::string& device) {
  if (device != "cuda") return at::Device(device);
  for (const char* name : {"LOCAL_RANK", "SLURM_LOCALID"})
    if (const auto text = variable(name)) return {at::kCUDA, c10::DeviceIndex(number(name, *text))};
  return {at::kCUDA, 0};
}

}  // namespace chexworld
