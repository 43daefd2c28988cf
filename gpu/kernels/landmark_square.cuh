// SPDX-License-Identifier: GPL-3.0-or-later
// One product of a warp in float64 on the tensor cores.
#pragma once

namespace attnscope::kernels {

/// d [8, 8] += a [8, 4] b [4, 8]: this thread holds row lane / 4 and column lane % 4 of a, row lane % 4 and column lane / 4 of b, and of d
/// row lane / 4, columns 2 (lane % 4) and the next.
__device__ inline void multiplyDouble(double (&d)[2], double a, double b)
{
    asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
                 : "+d"(d[0]), "+d"(d[1])
                 : "d"(a), "d"(b));
}

} // namespace attnscope::kernels
