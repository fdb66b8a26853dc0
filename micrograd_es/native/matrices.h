/* Matrix products: sums that stay in registers, for a few rows and some columns at a time.

   This file is read by interpreter.h. */

/* C (+)= A · B on up to TALL rows and some columns; a row of B or C is wherever its pointer
   says, and A has any strides. The sums stay in registers. */
INLINE void tile(ptrdiff_t tall, int wide, ptrdiff_t last, ptrdiff_t depth, const double *a,
                 ptrdiff_t a_row, ptrdiff_t a_column, const double *const *b, double *const *c,
                 ptrdiff_t at, int add) {
    vec sums[TALL][BROAD];
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < wide; j++)
            sums[i][j] = SPREAD(0.0);
    for (ptrdiff_t k = 0; k < depth; k++) {
        vec rows[BROAD];
        for (int j = 0; j < wide; j++)
            rows[j] = LOAD(b[k] + at + j * LANES);
        for (int i = 0; i < TALL; i++) {
            if (i < tall) {
                vec factor = SPREAD(a[i * a_row + k * a_column]);
                for (int j = 0; j < wide; j++)
                    sums[i][j] = VFMA(factor, rows[j], sums[i][j]);
            }
        }
    }
    for (int i = 0; i < TALL; i++)
        if (i < tall)
            for (int j = 0; j < wide; j++) {
                double *to = c[i] + at + j * LANES;
                vec sum = sums[i][j];
                if (j + 1 < wide || last == LANES) {
                    if (add)
                        sum += LOAD(to);
                    STORE(to, sum);
                } else {
                    double numbers[LANES];
                    STORE(numbers, sum);
                    for (ptrdiff_t l = 0; l < last; l++)
                        to[l] = add ? to[l] + numbers[l] : numbers[l];
                }
            }
}

static void multiply(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, const double *a,
                     ptrdiff_t a_row, ptrdiff_t a_column, const double *const *b,
                     double *const *c, int add) {
    for (ptrdiff_t at = 0; at < columns; at += BROAD * LANES) {
        ptrdiff_t left = columns - at;
        int wide = left >= BROAD * LANES ? BROAD : (int)((left + LANES - 1) / LANES);
        ptrdiff_t last = left >= BROAD * LANES ? LANES : left - (wide - 1) * LANES;
        for (ptrdiff_t i = 0; i < rows; i += TALL) {
            ptrdiff_t tall = rows - i < TALL ? rows - i : TALL;
            const double *from = a + i * a_row;
#define TILE(t, w) tile(t, w, last, depth, from, a_row, a_column, b, c + i, at, add)
#define TILES(w)                                                                             \
    if (tall == TALL) TILE(TALL, w);                                                         \
    else if (tall == 1) TILE(1, w);                                                          \
    else TILE(tall, w);
            if (wide == BROAD) { TILES(BROAD) }
            else if (wide == 1) { TILES(1) }
#if BROAD > 2
            else if (wide == 2) { TILES(2) }
            else { TILES(3) }
#endif
        }
    }
}

/* Turns lines into columns: to[c][r] = from[r][c]. */
void NAME(turn)(const double *const *from, double *const *to, ptrdiff_t rows,
                 ptrdiff_t columns) {
    ptrdiff_t r = 0;
#if defined(TURN)
    for (; r + 4 <= rows; r += 4) {
        ptrdiff_t c = 0;
        for (; c + 4 <= columns; c += 4)
            TURN(from + r, to + c, r, c);
        for (; c < columns; c++)
            for (int i = 0; i < 4; i++)
                to[c][r + i] = from[r + i][c];
    }
#endif
    for (; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++)
            to[c][r] = from[r][c];
}

/* Pointers to `rows` rows of S·width numbers: where they lie, if each row's S parts lie
   together; else copied into `room`. `d` is (store, first, list, step from row to row). */
INLINE double *pointers(const State *s, const int32_t *d, double *base, ptrdiff_t rows,
                        ptrdiff_t parts, const double **to, double *room) {
    ptrdiff_t w = s->width;
    for (ptrdiff_t k = 0; k < rows; k++) {
        if (d[2] < 0)
            to[k] = base + (d[1] + k * d[3]) * w;
        else if (parts == 1)
            to[k] = base + (ptrdiff_t)s->lists[d[2] + k] * w;
        else {
            to[k] = room;
            for (ptrdiff_t p = 0; p < parts; p++, room += w)
                memcpy(room, base + (ptrdiff_t)s->lists[d[2] + k * parts + p] * w,
                       w * sizeof(double));
        }
    }
    return room;
}

/* result, add, M, parts, K, left (store, first, from row to row, from column to column),
   right (store, first, list, step) */
static void matrix(const State *s, const int32_t *c) {
    ptrdiff_t parts = c[3], w = s->width;
    const double **b = s->sources;
    double **to = s->targets;
    pointers(s, c + 9, s->own, c[4], parts, b, s->matrices);
    for (ptrdiff_t i = 0; i < c[2]; i++)
        to[i] = s->own + (c[0] + i * parts) * w;
    const double *a = (c[5] == OTHER ? s->other : s->own) + c[6];
    multiply(c[2], parts * w, c[4], a, c[7], c[8], b, to, c[1]);
    *s->doubtful |= !all_finite(to[0], c[2] * parts * w);
}

/* gradients, M, parts, K, right (4), target (store, first, from row to row, list or -1):
   G · Rᵀ, which sums over the samples too */
static void matrix_to_left(const State *s, const int32_t *c) {
    ptrdiff_t rows = c[1], n = c[2] * s->width, columns = c[3];
    ptrdiff_t padded = (columns + 7) / 8 * 8;
    double *gradient = c[8] == OTHER ? s->other_adjoints : s->own_adjoints;
    const double **b = s->sources;
    double **to = s->targets, *room = s->matrices;
    room = pointers(s, c + 4, s->own, columns, c[2], b, room);
    const int32_t *list = c[11] < 0 ? NULL : s->lists + c[11];
    double *lines = room, *result = lines + PIECE * padded;
    for (ptrdiff_t i = 0; i < rows; i++)
        to[i] = list ? result + i * columns : gradient + c[9] + i * c[10];
    double **turned = (double **)(b + columns);
    for (ptrdiff_t i = 0; i < PIECE && i < n; i++)
        turned[i] = lines + i * padded;
    for (ptrdiff_t at = 0; at < n; at += PIECE) {
        ptrdiff_t m = n - at < PIECE ? n - at : PIECE;
        NAME(turn)(b, turned, columns, m);
        multiply(rows, columns, m, s->own_adjoints + c[0] * s->width + at, n, 1,
                 (const double *const *)turned, to, !list || at);
        for (ptrdiff_t k = 0; k < columns; k++)
            b[k] += m;
    }
    if (list)
        for (ptrdiff_t i = 0; i < rows * columns; i++)
            gradient[list[i] >> 1] += result[i];
}

/* gradients, M, parts, K, left (4), target (store, first, list, step, whether something is
   there): Lᵀ · G */
static void matrix_to_right(const State *s, const int32_t *c) {
    ptrdiff_t parts = c[2], w = s->width, n = parts * w, rows = c[3];
    const double **b = s->sources;
    double **to = s->targets, *room = s->matrices;
    const int32_t *list = c[10] < 0 ? NULL : s->lists + c[10];
    for (ptrdiff_t i = 0; i < c[1]; i++)
        b[i] = s->own_adjoints + c[0] * w + i * n;
    for (ptrdiff_t k = 0; k < rows; k++)
        to[k] = list ? room + k * n : s->own_adjoints + (c[9] + k * c[11]) * w;
    const double *a = (c[4] == OTHER ? s->other : s->own) + c[5];
    if (n > 1 || c[7] != 1 || (!list && c[11] != 1))
        multiply(rows, n, c[1], a, c[7], c[6], b, to, !list && c[12]);
    else { /* one column, as a line: Gᵀ · L */
        for (ptrdiff_t i = 0; i < c[1]; i++)
            b[i] = a + i * c[6];
        multiply(1, rows, c[1], s->own_adjoints + c[0], 0, 1, b, to, !list && c[12]);
    }
    if (list)
        for (ptrdiff_t i = 0; i < rows * parts; i++)
            put(s->own_adjoints + (ptrdiff_t)(list[i] >> 1) * w, room + i * w, list[i] & 1, w);
}
