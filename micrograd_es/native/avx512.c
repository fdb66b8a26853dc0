/* The interpreter for x86-64 with AVX-512. */

#include "common.h"

#if defined(X86)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define LEVEL avx512
typedef double vec VECTOR(8);
#define LANES 8
#define FUSED 1
#define VFMA(a, b, c) ((vec)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define BROAD 4
#define TALL 4
#include "turning.h"

#include "interpreter.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
