// SPDX-License-Identifier: GPL-3.0-or-later
// The few calls of NVIDIA's driver with which a test fills a card's memory, looks at its pool, or breaks its context.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attnscope::tests {

/// On the context that is current, or device 0's own.
class CudaDriver {
public:
    CudaDriver()
    {
        m_library = dlopen("libcuda.so.1", RTLD_NOW);
        void* context = nullptr;
        if (m_library != nullptr && call("cuInit", 0U) == 0 && call("cuDeviceGet", &m_device, 0) == 0 &&
            call("cuDevicePrimaryCtxRetain", &context, m_device) == 0)
            m_ready = call("cuCtxSetCurrent", context) == 0;
    }
    CudaDriver(const CudaDriver&) = delete;
    CudaDriver& operator=(const CudaDriver&) = delete;
    ~CudaDriver() { release(); }

    bool isReady() const { return m_ready; }

    /// Takes the card's memory but for `spare` bytes, what pools hold in reserve too.
    void fill(std::size_t spare)
    {
        constexpr std::size_t kLeast = std::size_t{2} << 20; // what the driver hands out at least
        void* pool = nullptr;
        call("cuCtxSynchronize");
        if (call("cuDeviceGetDefaultMemPool", &pool, m_device) == 0)
            call("cuMemPoolTrimTo", pool, std::size_t{0});
        for (std::size_t part = std::size_t{1} << 36; part >= kLeast;) {
            std::size_t left = 0;
            std::size_t all = 0;
            call("cuMemGetInfo_v2", &left, &all);
            std::uint64_t taken = 0;
            if (left >= spare + part && call("cuMemAlloc_v2", &taken, part) == 0)
                m_taken.push_back(taken);
            else
                part /= 2;
        }
    }
    void release()
    {
        for (const std::uint64_t taken : m_taken)
            call("cuMemFree_v2", taken);
        m_taken.clear();
    }

    /// Bytes that the pool has from the card, in use or not.
    std::uint64_t poolBytes()
    {
        constexpr int kReservedCurrent = 5; // CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT
        void* pool = nullptr;
        std::uint64_t bytes = 0;
        if (call("cuDeviceGetDefaultMemPool", &pool, m_device) == 0)
            call("cuMemPoolGetAttribute", pool, kReservedCurrent, &bytes);
        return bytes;
    }

    /// Runs a kernel that traps: nothing that is asked of this context succeeds any more. False where the kernel could not be built.
    bool breakContext()
    {
        const char* kernel = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry fall()\n{\n trap;\n ret;\n}\n";
        void* module = nullptr;
        void* function = nullptr;
        void* const none = nullptr;
        if (call("cuModuleLoadData", &module, kernel) != 0 || call("cuModuleGetFunction", &function, module, "fall") != 0)
            return false;
        call("cuLaunchKernel", function, 1U, 1U, 1U, 1U, 1U, 1U, 0U, none, none, none);
        return call("cuCtxSynchronize") != 0;
    }

private:
    template <class... Arguments>
    int call(const char* name, Arguments... arguments)
    {
        constexpr int kNoSuchCall = -1;
        auto* const function = reinterpret_cast<int (*)(Arguments...)>(dlsym(m_library, name));
        return function == nullptr ? kNoSuchCall : function(arguments...);
    }

    void* m_library = nullptr;
    int m_device = 0;
    bool m_ready = false;
    std::vector<std::uint64_t> m_taken;
};

} // namespace attnscope::tests
