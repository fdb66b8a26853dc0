/* What the table names and C's <math.h> has not, in plain C99: `Tape.source` quotes these too. */

#ifndef MICROGRAD_ES_PLAIN
#define MICROGRAD_ES_PLAIN

#include <math.h>

/* The rest of a / b, with the sign of b. */
static inline double mod(double a, double b) {
    double rest = fmod(a, b);
    if (b == 0.0)
        return rest;
    if (rest == 0.0)
        return copysign(0.0, b);
    return (b < 0.0) != (rest < 0.0) ? rest + b : rest;
}

/* The whole number below a / b. */
static inline double floor_divide(double a, double b) {
    if (b == 0.0)
        return a / b;
    double rest = fmod(a, b), n = (a - rest) / b;
    if (rest != 0.0 && (b < 0.0) != (rest < 0.0))
        n -= 1.0;
    if (n == 0.0)
        return copysign(0.0, a / b);
    double whole = floor(n);
    return n - whole > 0.5 ? whole + 1.0 : whole;
}

/* The sum of n terms; what each addition rounds off is added in the end (Neumaier, 1974). */
static inline double sum_of(int n, const double *terms) {
    double sum = 0.0, rest = 0.0;
    for (int i = 0; i < n; i++) {
        double a = terms[i], y = sum + a;
        rest += fabs(sum) >= fabs(a) ? (sum - y) + a : (a - y) + sum;
        sum = y;
    }
    return isfinite(rest) ? sum + rest : sum;
}

#endif
