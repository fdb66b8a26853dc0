/* What the interpreter and its doors share. */

#ifndef MICROGRAD_ES_COMMON
#define MICROGRAD_ES_COMMON

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { OWN, OTHER };
/* Numbers in a copy of rows; samples in a row from which on it is worth a call; columns that
   are turned at a time. */
enum { ROOM = 1024, WIDE = 24, PIECE = 64 };

typedef struct {
    double *own, *own_adjoints, *other_adjoints;
    const double *other;
    ptrdiff_t width;
    const int32_t *lists;
    double *room, *matrices;
    const double **sources;
    double **targets;
    int *doubtful; /* set where a sum is not finite, which may be for its order alone */
} State;

typedef void Run(const State *s, const int32_t *code, ptrdiff_t size);
typedef void Turn(const double *const *from, double *const *to, ptrdiff_t rows,
                  ptrdiff_t columns);

#if defined(_MSC_VER)
#define RESTRICT __restrict
#define INLINE static __forceinline
#else
#define RESTRICT restrict
#define INLINE static inline __attribute__((always_inline))
#endif

/* GCC and clang have types that are vectors; what has not computes number by number. */
#if defined(__GNUC__) && !defined(PLAIN)
#define VECTORS 1
#define VECTOR(n) __attribute__((vector_size(8 * n), aligned(8), may_alias))
#define LOAD(p) (*(const vec *)(p))
#define STORE(p, x) (*(vec *)(p) = (x))
#define SPREAD(x) ((vec){0} + (x))
#else
#define LOAD(p) (*(p))
#define STORE(p, x) (*(p) = (x))
#define SPREAD(x) ((double)(x))
#endif
#if defined(VECTORS) && defined(__x86_64__)
#define X86 1
#endif

/* The interpreter for each kind of processor. */
#define JOINED(a, b) a##_##b
#define JOIN(a, b) JOINED(a, b)
#define NAME(name) JOIN(micrograd_es_##name, LEVEL)
Run micrograd_es_run_base, micrograd_es_run_avx2, micrograd_es_run_avx512;
Turn micrograd_es_turn_base, micrograd_es_turn_avx2, micrograd_es_turn_avx512;

/* Where a loop need not end early, it is many comparisons at once. */
INLINE int all_finite(const double *a, ptrdiff_t n) {
    int64_t bad = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        bad |= fabs(a[i]) <= DBL_MAX ? 0 : 1;
    return !bad;
}

#endif
