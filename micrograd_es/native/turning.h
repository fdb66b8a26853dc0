/* Four lines by four columns turned at a time, where there is AVX. */

#define TURN(from, to, r, c)                                                                 \
    do {                                                                                     \
        __m256d a0 = _mm256_loadu_pd((from)[0] + (c)), a1 = _mm256_loadu_pd((from)[1] + (c));\
        __m256d a2 = _mm256_loadu_pd((from)[2] + (c)), a3 = _mm256_loadu_pd((from)[3] + (c));\
        __m256d b0 = _mm256_unpacklo_pd(a0, a1), b1 = _mm256_unpackhi_pd(a0, a1);            \
        __m256d b2 = _mm256_unpacklo_pd(a2, a3), b3 = _mm256_unpackhi_pd(a2, a3);            \
        _mm256_storeu_pd((to)[0] + (r), _mm256_permute2f128_pd(b0, b2, 0x20));               \
        _mm256_storeu_pd((to)[1] + (r), _mm256_permute2f128_pd(b1, b3, 0x20));               \
        _mm256_storeu_pd((to)[2] + (r), _mm256_permute2f128_pd(b0, b2, 0x31));               \
        _mm256_storeu_pd((to)[3] + (r), _mm256_permute2f128_pd(b1, b3, 0x31));               \
    } while (0)
