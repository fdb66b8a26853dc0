/* Runs a program, which is a table of integers, over the samples of one block.

   Numbers lie in rows. In the phase of the samples a row has `width` numbers, one a sample, and
   what is the same for all samples lies in another store, one number a row. In the phase of
   those, they are the rows, of width 1. `assembly.py` says what the integers mean.
   This file is read once for each kind of processor, by base.c, avx2.c and avx512.c. */

#include "common.h"

#define VALUE(op) value_##op
#define PARTIAL(op, i) partial##i##_##op
#define PULL(op, i) pull##i##_##op
#define FORWARDS(op) forward_##op
#define KEEPS(op) keeping_##op
#define PULLS(op, i) pulling##i##_##op
#define ARITY_1 const double *RESTRICT x0 = x[0];
#define ARITY_2 ARITY_1 const double *RESTRICT x1 = x[1];
#define ARITY_3 ARITY_2 const double *RESTRICT x2 = x[2];

#include "functions.h"

/* A loop in vectors; then, where that will not do for a number, once more as the C library
   does it. Where no number can be odd, the compiler sees that nothing is left of this. */
#define LOOP(n, ...)                                                                         \
    int64_t any = 0;                                                                         \
    {                                                                                        \
        enum { exact = 0 };                                                                  \
        int64_t *odd = &any;                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) { __VA_ARGS__ }                                    \
    }                                                                                        \
    if (any < 0)                                                                             \
        for (ptrdiff_t i = 0; i < n; i++) {                                                  \
            int64_t one = 0, *odd = &one;                                                    \
            { enum { exact = 0 }; __VA_ARGS__ }                                              \
            if (one < 0) { enum { exact = 1 }; __VA_ARGS__ }                                     \
        }

#define FORWARD(op, operands, value)                                                         \
    static void FORWARDS(op)(const double *const *x, double *RESTRICT y, ptrdiff_t n) {      \
        operands                                                                             \
        LOOP(n, y[i] = value;)                                                               \
    }
#define KEEPING(op, value, partial)                                                          \
    static void KEEPS(op)(const double *RESTRICT x0, double *RESTRICT y, double *RESTRICT d, \
                          ptrdiff_t n) {                                                     \
        LOOP(n, double v = value; d[i] = partial; y[i] = v;)                                 \
    }
#define PULLING(op, k, operands, pulled)                                                     \
    static void PULLS(op, k)(const double *RESTRICT g, const double *RESTRICT y,             \
                             const double *const *x, double *RESTRICT d, ptrdiff_t n) {      \
        operands                                                                             \
        LOOP(n, d[i] = pulled;)                                                              \
    }

typedef struct {
    void (*value)(const double *const *x, double *y, ptrdiff_t n);
    void (*keeping)(const double *x, double *y, double *d, ptrdiff_t n);
    void (*pull[3])(const double *g, const double *y, const double *const *x, double *d,
                    ptrdiff_t n);
} Row;

#include "rows.h"

/* -- rows ------------------------------------------------------------------------------- */

/* The i-th row of a description. */
#define AT(d, i) ((d)[2] < 0 ? (d)[1] + (i) : s->lists[(d)[2] + (i)])

INLINE void add_to(double *RESTRICT to, const double *RESTRICT a, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++)
        to[i] += a[i];
}

/* What arrives first is written, what comes later is added. */
INLINE void put(double *RESTRICT to, const double *RESTRICT a, int add, ptrdiff_t n) {
    if (add)
        add_to(to, a, n);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = a[i];
}

INLINE void put_product(double *RESTRICT to, const double *RESTRICT a, const double *RESTRICT b,
                        int add, ptrdiff_t n) {
    if (add)
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = FMA(a[i], b[i], to[i]);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = a[i] * b[i];
}

INLINE void put_multiple(double *RESTRICT to, const double *RESTRICT a, double c, int add,
                         ptrdiff_t n) {
    if (add)
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = FMA(a[i], c, to[i]);
    else
        for (ptrdiff_t i = 0; i < n; i++)
            to[i] = a[i] * c;
}

/* Sums over the samples of a block: eight at a time, in an order that is always the same. */
static double summed(const double *RESTRICT a, const double *RESTRICT b, ptrdiff_t n) {
    double sums[8] = {0};
    vec some[8 / LANES];
    ptrdiff_t i = 0;
    for (int j = 0; j < 8 / LANES; j++)
        some[j] = SPREAD(0.0);
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8 / LANES; j++) {
            vec x = LOAD(a + i + j * LANES);
            if (b)
                some[j] = VFMA(x, LOAD(b + i + j * LANES), some[j]);
            else
                some[j] += x;
        }
    for (int j = 0; j < 8 / LANES; j++)
        STORE(sums + j * LANES, some[j]);
    for (int j = 0; i + j < n; j++)
        sums[j] = b ? FMA(a[i + j], b[i + j], sums[j]) : sums[j] + a[i + j];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

static double total(const double *a, ptrdiff_t n) { return summed(a, NULL, n); }
static double inner(const double *a, const double *b, ptrdiff_t n) { return summed(a, b, n); }

/* Rows r to r + m of an operand, which is (store, first row or -, list or -1), copied. */
static const double *copied(const State *s, const int32_t *d, ptrdiff_t r, ptrdiff_t m,
                            double *RESTRICT room) {
    ptrdiff_t w = s->width;
    for (ptrdiff_t i = 0; i < m; i++) {
        const double *from = s->own + (ptrdiff_t)AT(d, r + i) * w;
        double number = d[0] == OTHER ? s->other[AT(d, r + i)] : *from;
        if (d[0] == OTHER || w == 1)
            for (ptrdiff_t j = 0; j < w; j++)
                room[i * w + j] = number;
        else
            memcpy(room + i * w, from, w * sizeof(double));
    }
    return room;
}

/* The same where they lie if they lie together, else copied into `room`. */
INLINE const double *fetch(const State *s, const int32_t *d, ptrdiff_t r, ptrdiff_t m,
                           double *room) {
    if (d[0] == OTHER || (d[2] >= 0 && m > 1))
        return copied(s, d, r, m, room);
    return s->own + (ptrdiff_t)AT(d, r) * s->width;
}

/* Rows r to r + m of the adjoints, in the same way. */
INLINE const double *adjoints(const State *s, const int32_t *d, ptrdiff_t r, ptrdiff_t m,
                              double *room) {
    ptrdiff_t w = s->width;
    if (d[2] < 0 || m == 1)
        return s->own_adjoints + (ptrdiff_t)AT(d, r) * w;
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < w; j++)
            room[i * w + j] = s->own_adjoints[AT(d, r + i) * w + j];
    return room;
}

/* Where gradients for rows r to r + m can be written at once, if they can; a target is
   (store, first row or -, list or -1, whether something is there). */
INLINE double *target(const State *s, const int32_t *t, ptrdiff_t r, ptrdiff_t m) {
    if (t[0] == OTHER)
        return NULL;
    if (t[2] < 0)
        return t[3] ? NULL : s->own_adjoints + (t[1] + r) * s->width;
    if (m > 1)
        return NULL;
    int32_t entry = s->lists[t[2] + r];
    return entry & 1 ? NULL : s->own_adjoints + (entry >> 1) * s->width;
}

/* Hands the gradients d of rows r to r + m on, or their negatives. */
INLINE void deliver(const State *s, const int32_t *t, ptrdiff_t r, ptrdiff_t m,
                    const double *d, int sign) {
    ptrdiff_t w = s->width;
    const int32_t *list = t[2] < 0 ? NULL : s->lists + t[2] + r;
    if (t[0] == OTHER)
        for (ptrdiff_t i = 0; i < m; i++)
            s->other_adjoints[list ? list[i] >> 1 : t[1] + r + i] += sign * total(d + i * w, w);
    else if (!list)
        put_multiple(s->own_adjoints + (t[1] + r) * w, d, sign, t[3], m * w);
    else if (w == 1)
        for (ptrdiff_t i = 0; i < m; i++) {
            double *to = s->own_adjoints + (list[i] >> 1);
            *to = list[i] & 1 ? *to + sign * d[i] : sign * d[i];
        }
    else
        for (ptrdiff_t i = 0; i < m; i++)
            put_multiple(s->own_adjoints + (list[i] >> 1) * w, d + i * w, sign, list[i] & 1, w);
}

/* -- one operation on n rows ------------------------------------------------------------- */

/* How many rows at a time: all, where they lie together; else one, if it is wide enough to be
   worth a call, or as many as there is room for a copy. */
#define AT_A_TIME(together) (together ? n : w >= WIDE ? 1 : ROOM / w)

/* row, n, result (3), kept or -1, number of operands, operands (3 each) */
static void elementwise(const State *s, const int32_t *c) {
    const Row *row = &ROWS[c[0]];
    const int32_t *result = c + 2, *operands = c + 7;
    ptrdiff_t n = c[1], w = s->width, arity = c[6];
    int together = result[2] < 0;
    for (int k = 0; k < arity; k++)
        together &= operands[3 * k] == OWN && operands[3 * k + 2] < 0;
    ptrdiff_t step = AT_A_TIME(together);
    for (ptrdiff_t r = 0; r < n; r += step) {
        ptrdiff_t m = r + step < n ? step : n - r;
        const double *x[3];
        for (int k = 0; k < arity; k++)
            x[k] = fetch(s, operands + 3 * k, r, m, s->room + k * ROOM);
        int apart = result[2] >= 0 && m > 1;
        double *y = apart ? s->room + 3 * ROOM : s->own + (ptrdiff_t)AT(result, r) * w;
        if (c[5] >= 0)
            row->keeping(x[0], y, s->own + (c[5] + r) * w, m * w);
        else
            row->value(x, y, m * w);
        if (apart)
            for (ptrdiff_t i = 0; i < m * w; i++)
                s->own[AT(result, r + i / w) * w + i % w] = y[i];
    }
}

/* row, which operand, n, result (3), its gradients (3), target (4), number of operands,
   operands (3 each) */
static void elementwise_back(const State *s, const int32_t *c) {
    const Row *row = &ROWS[c[0]];
    const int32_t *result = c + 3, *gradients = c + 6, *t = c + 9, *operands = c + 14;
    ptrdiff_t n = c[2], w = s->width, arity = c[13];
    int together = result[2] < 0 && gradients[2] < 0 && t[0] == OWN && t[2] < 0 && !t[3];
    for (int k = 0; k < arity; k++)
        together &= operands[3 * k] == OWN && operands[3 * k + 2] < 0;
    ptrdiff_t step = AT_A_TIME(together);
    for (ptrdiff_t r = 0; r < n; r += step) {
        ptrdiff_t m = r + step < n ? step : n - r;
        const double *g = adjoints(s, gradients, r, m, s->room + 4 * ROOM);
        double *there = target(s, t, r, m), *d = there ? there : s->room + 3 * ROOM;
        const double *x[3], *y = fetch(s, result, r, m, s->room + 5 * ROOM);
        for (int k = 0; k < arity; k++)
            x[k] = fetch(s, operands + 3 * k, r, m, s->room + k * ROOM);
        row->pull[c[1]](g, y, x, d, m * w);
        if (!there)
            deliver(s, t, r, m, d, 1);
    }
}

/* -- sums ---------------------------------------------------------------------------------- */

/* Σ left·right: result (3), how, n, terms, left (3), right (3); the rows of term k are the
   k-th n. How: 1 if there are terms already, + 2 if there come others. */
static void products(const State *s, const int32_t *c) {
    ptrdiff_t n = c[4], terms = c[5], w = s->width;
    const int32_t *left = c + 6, *right = c + 9;
    for (ptrdiff_t r = 0; r < n; r++) {
        double *y = s->own + (ptrdiff_t)AT(c, r) * w;
        for (ptrdiff_t k = 0; k < terms; k++) {
            const double *b = s->own + (ptrdiff_t)AT(right, k * n + r) * w;
            if (left[0] == OTHER)
                put_multiple(y, b, s->other[AT(left, k * n + r)], (c[3] & 1) || k, w);
            else
                put_product(y, s->own + (ptrdiff_t)AT(left, k * n + r) * w, b, (c[3] & 1) || k, w);
        }
        *s->doubtful |= !(c[3] & 2) && !all_finite(y, w);
    }
}

/* gradients (3), n, terms, the other factor (3), target (4) */
static void products_back(const State *s, const int32_t *c) {
    ptrdiff_t n = c[3], terms = c[4], w = s->width;
    const int32_t *factor = c + 5, *t = c + 8;
    int own = factor[0] == OWN && t[0] == OWN;
    ptrdiff_t step = own && c[2] < 0 && factor[2] < 0 && t[2] < 0 ? n : 1, m = step * w;
    for (ptrdiff_t k = 0, r = 0; k < terms * n; k += step, r = r + step < n ? r + step : 0) {
        const double *g = s->own_adjoints + (ptrdiff_t)AT(c, r) * w;
        ptrdiff_t at = AT(factor, k), to = AT(t, k);
        int add = t[3];
        if (t[2] >= 0)
            add = to & 1, to >>= 1;
        const double *a = s->own + at * w;
        double *d = s->own_adjoints + to * w;
        if (own && m == 1)
            *d = add ? FMA(*g, *a, *d) : *g * *a;
        else if (own)
            put_product(d, g, a, add, m);
        else if (t[0] == OWN)
            put_multiple(d, g, s->other[at], add, w);
        else
            s->other_adjoints[to] += factor[0] == OWN ? inner(g, a, w) : s->other[at] * total(g, w);
    }
}

/* Σ rows: result (3), how, n, terms, rows (3) */
static void plain(const State *s, const int32_t *c) {
    ptrdiff_t n = c[4], terms = c[5], w = s->width;
    for (ptrdiff_t r = 0; r < n; r++) {
        double *y = s->own + (ptrdiff_t)AT(c, r) * w;
        for (ptrdiff_t k = 0; k < terms; k++) {
            ptrdiff_t at = AT(c + 6, k * n + r);
            if (c[6] == OWN)
                put(y, s->own + at * w, (c[3] & 1) || k, w);
            else
                for (ptrdiff_t j = 0; j < w; j++)
                    y[j] = ((c[3] & 1) || k ? y[j] : 0.0) + s->other[at];
        }
        *s->doubtful |= !(c[3] & 2) && !all_finite(y, w);
    }
}

/* gradients (3), n, terms, target (4), sign */
static void plain_back(const State *s, const int32_t *c) {
    ptrdiff_t n = c[3], w = s->width, step = AT_A_TIME(c[2] < 0);
    for (ptrdiff_t k = 0; k < c[4]; k++)
        for (ptrdiff_t r = 0; r < n; r += step) {
            ptrdiff_t m = r + step < n ? step : n - r;
            deliver(s, c + 5, k * n + r, m, adjoints(s, c, r, m, s->room), c[9]);
        }
}

#include "matrices.h"

/* to, n, list */
static void gather(const State *s, const int32_t *c) {
    for (ptrdiff_t i = 0; i < c[1]; i++)
        s->own[c[0] + i] = s->own[s->lists[c[2] + i]];
}

/* first, n */
static void zero(const State *s, const int32_t *c) {
    memset(s->own_adjoints + c[0] * s->width, 0, c[1] * s->width * sizeof(double));
}

void NAME(run)(const State *s, const int32_t *code, ptrdiff_t size) {
    static void (*const steps[])(const State *, const int32_t *) = {
        elementwise, products, plain, matrix, gather,
        elementwise_back, products_back, plain_back, matrix_to_left, matrix_to_right, zero,
    };
    for (const int32_t *c = code; c < code + size; c += c[1])
        steps[c[0]](s, c + 2);
}
