/* The interpreter for x86-64 with AVX2. */

#include "common.h"

#if defined(X86)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define LEVEL avx2
typedef double vec VECTOR(4);
#define LANES 4
#define FUSED 1
#define VFMA(a, b, c) ((vec)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define BROAD 2
#define TALL 4
#include "turning.h"

#include "interpreter.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
