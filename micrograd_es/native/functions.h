/* The functions that the table names, in forms that a compiler turns into vectors.

   Each is one straight line of arithmetic without branches, so that a loop around it runs on
   many numbers at once, and each keeps within 1.5 ulp (tanh, a quotient, within 2.2), edges
   included. What has no such form here is the C library's. `exact` asks for the C library, and
   `odd` is less than 0 where only that will do.
   This file is read by interpreter.h. */

#include "plain.h"

#define HOW int exact, int64_t *odd
#define AS exact, odd
#define M(name) m_##name

#if FUSED
#define FMA(a, b, c) __builtin_fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

INLINE int64_t bits_of(double x) { int64_t b; memcpy(&b, &x, 8); return b; }
INLINE double from_bits(int64_t b) { double x; memcpy(&x, &b, 8); return x; }

/* Adding this rounds to a whole number, which then stands in the lowest bits. */
#define MAGIC 6755399441055744.0
#define MAGIC_BITS 0x4338000000000000

INLINE double M(abs)(double x, HOW) { (void)exact, (void)odd; return fabs(x); }
INLINE double M(sqrt)(double x, HOW) { (void)exact, (void)odd; return sqrt(x); }
INLINE double M(floor)(double x, HOW) { (void)exact, (void)odd; return floor(x); }

/* exp(x) = 2**k · (1 + rest), with rest = r + r²·Q(r) and |r| ≤ ln 2 / 2. 2**k comes in two
   factors, so that only the last product leaves the range of floats. */
#define EXP(x)                                                                               \
    double t = fabs(x) > 746.0 ? copysign(746.0, x) : x;                                     \
    double rounded = FMA(t, 1.4426950408889634, MAGIC), k = rounded - MAGIC;                 \
    double high = FMA(k, -6.93147180369123816490e-01, t);                                    \
    double low = k * 1.90821492927058770002e-10, r = high - low;                             \
    double r2 = r * r, r4 = r2 * r2;                                                         \
    double q0 = FMA(r, 0.1666666666666667, 0.5);                                             \
    double q1 = FMA(r, 0.008333333333326112, 0.04166666666666667);                           \
    double q2 = FMA(r, 0.0001984126987490126, 0.001388888888888373);                         \
    double q3 = FMA(r, 2.7557255297969643e-06, 2.4801587325605324e-05);                      \
    double q4 = FMA(r, 2.5105259538448494e-08, 2.755727357010214e-07);                       \
    q4 = FMA(r4, FMA(r2, 2.0914717341716378e-09, q4), FMA(r2, q3, q2));                      \
    double rest = high + FMA(r2, FMA(r4, q4, FMA(r2, q1, q0)), -low);                        \
    uint64_t whole = (uint64_t)bits_of(rounded) + 2046, half = whole >> 1;                   \
    double scale = from_bits((int64_t)(half << 52));                                         \
    double scale2 = from_bits((int64_t)((whole - half) << 52))

INLINE double M(exp)(double x, HOW) {
    (void)exact, (void)odd;
    EXP(x);
    return FMA(rest, scale, scale) * scale2;
}

/* log(x) and log1p(x) after fdlibm: x = 2**k · (1 + f), s = f / (2 + f). What 1 + x has lost in
   log1p is c, and comes in last. */
#define LOG_SERIES(f, k, c)                                                                  \
    double s = (f) / (2.0 + (f)), z = s * s, half = 0.5 * (f) * (f);                         \
    double p = FMA(z, FMA(z, FMA(z, FMA(z, FMA(z, FMA(z,                                     \
        1.479819860511658591e-01, 1.531383769920937332e-01), 1.818357216161805012e-01),      \
        2.222219843214978396e-01), 2.857142874366239149e-01), 3.999999999940941908e-01),     \
        6.666666666666735130e-01);                                                           \
    double y = (k) * 6.93147180369123816490e-01                                              \
        - ((half - (s * (half + z * p) + ((k) * 1.90821492927058770002e-10 + (c)))) - (f))

INLINE double M(log)(double x, HOW) {
    (void)exact, (void)odd;
    int small = x < 2.2250738585072014e-308;
    double a = small ? x * 18014398509481984.0 : x;
    uint64_t b = (uint64_t)bits_of(a) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
    double k = from_bits((int64_t)((b >> 52) + MAGIC_BITS)) - (MAGIC + 1023.0);
    double f = from_bits((int64_t)((b & 0xfffffffffffff) + 0x3fe6a09e667f3bcd)) - 1.0;
    k = small ? k - 54.0 : k;
    LOG_SERIES(f, k, 0.0);
    y = x < INFINITY ? y : x;
    y = x > 0.0 ? y : (x == 0.0 ? -INFINITY : NAN);
    return y;
}

INLINE double M(log1p)(double x, HOW) {
    (void)exact, (void)odd;
    double u = 1.0 + x, c = (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u;
    uint64_t b = (uint64_t)bits_of(u) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
    double k = from_bits((int64_t)((b >> 52) + MAGIC_BITS)) - (MAGIC + 1023.0);
    double f = from_bits((int64_t)((b & 0xfffffffffffff) + 0x3fe6a09e667f3bcd)) - 1.0;
    LOG_SERIES(f, k, c);
    y = fabs(x) < 1e-17 ? x : y; /* of a zero, its sign */
    y = x < INFINITY ? y : x;
    y = x > -1.0 ? y : (x == -1.0 ? -INFINITY : NAN);
    return y;
}

/* (1 - e) / (1 + e) with e = exp(-|2x|), which the partial of tanh needs too; near 0, 1 - e has
   digits that e has not. */
INLINE double M(tanh)(double x, HOW) {
    (void)exact, (void)odd;
    double size = -fabs(2.0 * x);
    EXP(size);
    double power = scale * scale2;
    return copysign(FMA(rest, power, power - 1.0) / (1.0 + M(exp)(size, AS)), x);
}

/* sin and cos: x = n · π/2 + r, and r keeps its rounding error in `rest`. π/2 is taken off in
   three parts, of which two have 33 bits: n times each is exact. That is enough unless x is
   large. */
#define LIMIT 6000.0
#define SIN_COS(x)                                                                           \
    double rounded = FMA(x, 6.36619772367581382433e-01, MAGIC), n = rounded - MAGIC;         \
    double a = FMA(n, -1.57079632673412561417e+00, x);                                       \
    double r = FMA(n, -6.07710050630396597660e-11, a);                                       \
    double rest = FMA(n, -6.07710050630396597660e-11, a - r);                                \
    rest = FMA(n, -2.02226624879595063154e-21, rest);                                        \
    *odd |= bits_of(LIMIT) - bits_of(fabs(x));                                               \
    double z = r * r, z2 = z * z, zr = z * r;                                                \
    double s = FMA(z2, FMA(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08),      \
        FMA(z, 2.75573137070700676789e-06, -1.98412698298579493134e-04));                    \
    s = FMA(z2, s, FMA(z, 8.33333333332248946124e-03, -1.66666666666666324348e-01));         \
    double sine = copysign(r + FMA(zr, s, rest), r);                                         \
    double c = FMA(z, 2.08757232129817482790e-09, -2.75573143513906633035e-07);              \
    c = FMA(z2, FMA(z2, -1.13596475577881948265e-11, c),                                     \
        FMA(z, 2.48015872894767294178e-05, -1.38888888888741095749e-03));                    \
    c = FMA(z2, c, FMA(z, 4.16666666666666019037e-02, -0.5));                                \
    double cosine = 1.0 + FMA(z, c, -(r * rest));                                            \
    int64_t turns = bits_of(rounded)

#define TURNED(y, turns) from_bits(bits_of(y) ^ (int64_t)((uint64_t)((turns) & 2) << 62))

INLINE double M(sin)(double x, HOW) {
    if (exact)
        return sin(x);
    SIN_COS(x);
    double y = turns & 1 ? cosine : sine;
    return TURNED(y, turns);
}

INLINE double M(cos)(double x, HOW) {
    if (exact)
        return cos(x);
    SIN_COS(x);
    double y = turns & 1 ? sine : cosine;
    return TURNED(y, turns + 1);
}

/* -- the C library's, with what it has otherwise than NumPy --------------------------------- */

INLINE double M(pow)(double a, double b, HOW) {
    (void)exact, (void)odd;
    return b == 2.0 ? a * a : b == 1.0 ? a : pow(a, b);
}

INLINE double M(mod)(double a, double b, HOW) {
    (void)exact, (void)odd;
    return mod(a, b);
}

INLINE double M(floor_divide)(double a, double b, HOW) {
    (void)exact, (void)odd;
    return floor_divide(a, b);
}
