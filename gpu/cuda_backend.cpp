// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_backend.h"

#include "gpu/device_buffer.h"
#include "gpu/event_timer.h"
#include "gpu/kernels/softmax.h"

namespace attnscope {

namespace {

/// q, k, v and the output on the card.
struct DeviceProblem {
    DeviceBuffer q, k, v, o;
    kernels::SoftmaxProblem problem;
};

Result<DeviceProblem> upload(const Inputs& in)
{
    const Shape s = in.shape();
    auto q = DeviceBuffer::upload(in.q);
    if (!q)
        return q.error();
    auto k = DeviceBuffer::upload(in.k);
    if (!k)
        return k.error();
    auto v = DeviceBuffer::upload(in.v);
    if (!v)
        return v.error();
    auto o = DeviceBuffer::allocate(s.batch * s.heads * s.queries * s.valueDim);
    if (!o)
        return o.error();
    DeviceProblem made{*std::move(q), *std::move(k), *std::move(v), *std::move(o), {}};
    made.problem = {made.q.data(), made.k.data(), made.v.data(), made.o.data(), s, in.k.heads(), in.effectiveScale(), in.causal};
    return made;
}

class CudaBackend final : public Backend {
public:
    CudaBackend(int device, std::string name) : m_device(device), m_name(std::move(name)) {}

    std::string id() const override { return "cuda:" + std::to_string(m_device); }
    std::string device() const override { return m_name; }
    Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const override;
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override;
    Result<std::vector<double>> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats,
                                     double timeCapSeconds, const RunContext& context) const override;

private:
    Result<DeviceProblem> prepare(const AttentionMethod& method, const Inputs& inputs, const Params& params,
                                  const RunContext& context) const;

    int m_device;
    std::string m_name;
};

Result<void> CudaBackend::supports(const AttentionMethod& method, const Shape& shape, bool) const
{
    if (method.info().id != "softmax")
        return Error{Errc::Unsupported, method.info().title + " has no CUDA kernel in this version.", "Run it on the CPU (--backend cpu)."};
    if (std::max(shape.dim, shape.valueDim) > kernels::kSoftmaxMaxDim)
        return Error{Errc::Unsupported, "The CUDA kernel takes heads of at most " + std::to_string(kernels::kSoftmaxMaxDim) + " columns.",
                     "Run it on the CPU (--backend cpu)."};
    return {};
}

Result<DeviceProblem> CudaBackend::prepare(const AttentionMethod& method, const Inputs& inputs, const Params& params,
                                           const RunContext& context) const
{
    if (auto ready = checkRunnable(method, inputs, params, context); !ready)
        return ready.error();
    if (auto supported = supports(method, inputs.shape(), inputs.causal); !supported)
        return supported.error();
    if (inputs.window > 0)
        return Error{Errc::Unsupported, "The CUDA kernels see no sliding windows.", "Run it on the CPU (--backend cpu)."};
    if (context.cancelled())
        return cancelledError();
    if (auto chosen = checkCuda(cudaSetDevice(m_device), "choosing the device"); !chosen)
        return chosen.error();
    return upload(inputs);
}

Result<Tensor> CudaBackend::run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const
{
    auto device = prepare(method, inputs, params, context);
    if (!device)
        return device.error();
    if (auto launched = checkCuda(kernels::launchSoftmax(device->problem, nullptr), "starting softmax"); !launched)
        return launched.error();
    const Shape& s = device->problem.shape;
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    if (auto done = device->o.download(out.values()); !done)
        return done.error();
    return out;
}

Result<std::vector<double>> CudaBackend::time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats,
                                              double timeCapSeconds, const RunContext& context) const
{
    auto device = prepare(method, inputs, params, context);
    if (!device)
        return device.error();
    std::vector<double> seconds;
    double spent = 0.0;
    for (int i = 0; i <= repeats && (i < 2 || spent < timeCapSeconds); ++i) {
        if (context.cancelled())
            return cancelledError();
        EventTimer timer;
        const auto took = timer.measure([&] { return kernels::launchSoftmax(device->problem, nullptr); });
        if (!took)
            return took.error();
        spent += *took;
        if (i > 0) // the first one warms up
            seconds.push_back(*took);
    }
    return seconds;
}

int deviceCount()
{
    int count = 0; // stays 0 where there is no driver
    return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

} // namespace

const std::vector<std::unique_ptr<const Backend>>& cudaBackends()
{
    static const auto backends = [] {
        std::vector<std::unique_ptr<const Backend>> made;
        for (int i = 0; i < deviceCount(); ++i) {
            cudaDeviceProp properties{};
            if (cudaGetDeviceProperties(&properties, i) == cudaSuccess)
                made.push_back(std::make_unique<CudaBackend>(i, properties.name));
        }
        return made;
    }();
    return backends;
}

std::string cudaUnavailableReason()
{
    if (!cudaBackends().empty())
        return {};
    int count = 0;
    const auto status = cudaGetDeviceCount(&count);
    return status == cudaSuccess ? "No NVIDIA GPU was found."
                                 : std::string("No NVIDIA GPU can be used: ") + cudaGetErrorString(status) + ".";
}

} // namespace attnscope
