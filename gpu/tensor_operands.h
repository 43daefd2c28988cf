// SPDX-License-Identifier: GPL-3.0-or-later
// q, k and v as the tensor cores take them: 16 bits a number, rows padded to 16 bytes, float32 split in two.
#pragma once

#include "gpu/cuda_method.h"
#include "gpu/kernels/exact.h"

namespace attnscope {

/// Whether the tensor cores have a kernel for rows of that width: split float32 up to 128 columns, others up to 256.
bool hasTensorKernel(const CudaDevice& device, Index widest, Dtype dtype);

/// Float16 numbers that an operand of this format is held in: two of them for float32 accuracy.
int partsOf(Dtype dtype);

/// Memory for the operands of inputs of one size; where nothing has to be converted, none.
class TensorOperands {
public:
    static Result<TensorOperands> make(const DeviceInputs& inputs, Workspace& workspace);

    /// Converts on the stream what has to be, and says where everything is. F32 becomes two parts; TF32 one of the same 11 significant
    /// bits, in float16 that a power of two per head keeps in range.
    Result<kernels::ExactProblem> fill(const DeviceInputs& in, cudaStream_t stream) const;

private:
    struct Operand {
        void* converted = nullptr; ///< null: the input itself serves
        Index heads = 0;
        Index rows = 0;
        Index cols = 0;
        Index padded = 0;
        Index factorAt = 0;
    };
    Result<const void*> convert(const void* from, const Operand& operand, Dtype dtype, cudaStream_t stream) const;

    Operand m_q, m_k, m_v;
    int m_parts = 1;
    float* m_factors = nullptr; ///< null: 16-bit inputs
    unsigned* m_scratch = nullptr;
};

} // namespace attnscope
