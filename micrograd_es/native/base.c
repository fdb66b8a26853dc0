/* The interpreter for what every processor has. */

#include "common.h"

#define LEVEL base
#if defined(VECTORS)
typedef double vec VECTOR(2);
#define LANES 2
#else
typedef double vec;
#define LANES 1
#endif
#if defined(VECTORS) && defined(__aarch64__)
#include <arm_neon.h>
#define FUSED 1
#define VFMA(a, b, c) ((vec)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#define BROAD 4
#else
#define FUSED 0
#define VFMA(a, b, c) ((a) * (b) + (c))
#define BROAD 2
#endif
#define TALL 4

#include "interpreter.h"
