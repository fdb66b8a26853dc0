/* What Python calls: programs run over blocks of samples, or once for what they share. */

/* What `layout` holds: sizes, then lists of rows. */
enum { ROWS_, SLOTS, STATICS, MATRICES, SOURCES, TARGETS, INPUTS, ONES, OUTPUTS, SIZES };

typedef struct {
    Py_buffer buffers[16];
    int taken;
} Buffers;

/* The memory of an argument; NULL for None and where an error is set. */
static void *taken(Buffers *all, PyObject *o, int writable, ptrdiff_t *bytes) {
    if (bytes)
        *bytes = 0;
    if (o == Py_None)
        return NULL;
    Py_buffer *b = &all->buffers[all->taken];
    if (PyObject_GetBuffer(o, b, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0)
        return NULL;
    all->taken++;
    if (bytes)
        *bytes = b->len;
    return b->buf;
}

static void released(Buffers *all) {
    while (all->taken)
        PyBuffer_Release(&all->buffers[--all->taken]);
}

/* Cuts the working memory into its parts. */
static double *divided(State *s, const int32_t *layout, double *memory) {
    ptrdiff_t w = s->width;
    memory = (double *)(((uintptr_t)memory + 63) / 64 * 64);
    s->room = memory;
    memory += 6 * ROOM;
    s->matrices = memory;
    memory += layout[MATRICES];
    s->sources = (const double **)memory;
    s->targets = (double **)(s->sources + layout[SOURCES]);
    memory += layout[SOURCES] + layout[TARGETS];
    s->own = (double *)(((uintptr_t)memory + 63) / 64 * 64);
    s->own_adjoints = s->own + layout[ROWS_] * w + 8;
    return s->own_adjoints + layout[SLOTS] * w + 8;
}

PyDoc_STRVAR(alone_doc, "alone(level, code, lists, layout, numbers, adjoints, memory)\n--\n\n"
    "Runs a program on what is the same for all samples.\n\n"
    "Whether all sums are finite, and all adjoints, if there are any.");

static PyObject *alone(PyObject *module, PyObject *const *o, Py_ssize_t count) {
    (void)module;
    if (count != 7)
        return PyErr_Format(PyExc_TypeError, "alone takes 7 arguments");
    long level = PyLong_AsLong(o[0]);
    Buffers all = {.taken = 0};
    ptrdiff_t size;
    int sound = 1, doubtful = 0;
    State s = {.width = 1, .doubtful = &doubtful};
    const int32_t *code = taken(&all, o[1], 0, &size);
    s.lists = taken(&all, o[2], 0, NULL);
    const int32_t *layout = taken(&all, o[3], 0, NULL);
    double *numbers = taken(&all, o[4], 1, NULL), *gradients = taken(&all, o[5], 1, NULL);
    double *memory = taken(&all, o[6], 1, NULL);
    if (!PyErr_Occurred()) {
        Py_BEGIN_ALLOW_THREADS
        divided(&s, layout, memory);
        s.own = numbers;
        s.own_adjoints = gradients;
        LEVELS[level].run(&s, code, size / (ptrdiff_t)sizeof(int32_t));
        sound = !doubtful && (!gradients || all_finite(gradients, layout[STATICS]));
        Py_END_ALLOW_THREADS
    }
    released(&all);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(sound);
}

/* What blocks of samples are run with. */
typedef struct {
    const Level *level;
    const int32_t *forward, *forward_lists, *backward, *backward_lists, *layout;
    ptrdiff_t forward_size, backward_size;
    const double *numbers, *X, *cotangent;
    double *outputs, *d_inputs, *totals, *memory;
    int begun; /* whether the totals hold anything yet */
} Job;

/* Samples start to start + w. Whether all sums on the way and all numbers that come out are
   finite; if not, nothing has been added to the totals. */
static int block(Job *job, ptrdiff_t start, ptrdiff_t w) {
    const int32_t *layout = job->layout;
    ptrdiff_t n_inputs = layout[INPUTS], n_ones = layout[ONES], n_outputs = layout[OUTPUTS];
    ptrdiff_t statics = layout[STATICS];
    const int32_t *inputs = layout + SIZES, *ones = inputs + n_inputs, *places = ones + n_ones;
    const int32_t *slots = places + 4 * n_outputs;
    int doubtful = 0;
    State s = {
        .width = w, .other = job->numbers, .lists = job->forward_lists, .doubtful = &doubtful,
    };
    double *own_total = divided(&s, layout, job->memory);
    for (ptrdiff_t j = 0; j < w; j++)
        s.sources[j] = job->X + (start + j) * n_inputs;
    for (ptrdiff_t i = 0; i < n_inputs; i++)
        s.targets[i] = s.own + inputs[i] * w;
    job->level->turn(s.sources, s.targets, w, n_inputs);
    for (ptrdiff_t i = 0; i < n_ones; i++)
        for (ptrdiff_t j = 0; j < w; j++)
            s.own[ones[i] * w + j] = 1.0;
    job->level->run(&s, job->forward, job->forward_size);
    double *y = job->outputs + start * n_outputs;
    for (ptrdiff_t k = 0; k < n_outputs; k++) {
        const int32_t *at = places + 4 * k;
        for (ptrdiff_t j = 0; j < w; j++)
            y[j * n_outputs + k] = at[0] == OTHER ? s.other[at[1]] : s.own[at[1] * w + j];
    }
    if (doubtful || !all_finite(y, w * n_outputs))
        return 0;
    if (!job->backward)
        return 1;
    double *sums = s.other_adjoints = job->begun ? own_total : job->totals;
    if (job->begun)
        memset(sums, 0, statics * sizeof(double));
    const double *seeds = job->cotangent + start * n_outputs;
    for (ptrdiff_t k = 0; k < n_outputs; k++) {
        const int32_t *at = places + 4 * k;
        for (ptrdiff_t j = 0; j < w; j++) {
            double seed = seeds[j * n_outputs + k];
            double *to = at[0] == OTHER ? sums + at[1] : s.own_adjoints + at[2] * w + j;
            *to = at[0] == OTHER || at[3] ? *to + seed : seed;
        }
    }
    s.lists = job->backward_lists;
    job->level->run(&s, job->backward, job->backward_size);
    int sound = all_finite(sums, statics);
    if (job->d_inputs) {
        memset(s.room, 0, w * sizeof(double)); /* of an input that nothing reaches */
        for (ptrdiff_t i = 0; i < n_inputs; i++)
            s.sources[i] = slots[i] < 0 ? s.room : s.own_adjoints + slots[i] * w;
        for (ptrdiff_t j = 0; j < w; j++)
            s.targets[j] = job->d_inputs + (start + j) * n_inputs;
        job->level->turn(s.sources, s.targets, n_inputs, w);
        sound &= all_finite(job->d_inputs + start * n_inputs, w * n_inputs);
    }
    if (sound && job->begun)
        for (ptrdiff_t i = 0; i < statics; i++)
            job->totals[i] += sums[i];
    if (!sound && !job->begun)
        memset(sums, 0, statics * sizeof(double));
    job->begun |= sound;
    return sound;
}

PyDoc_STRVAR(blocks_doc, "blocks(level, forward, its lists, backward, its lists, layout, numbers, "
    "X, cotangent, outputs, d_inputs, totals, odd, memory, width, first, last)\n--\n\n"
    "Runs samples first to last in blocks, and adds their gradients to zeros in `totals`.\n\n"
    "Marks in `odd` the samples in which a sum, or a number that comes out, is not finite; they\n"
    "add nothing.");

static PyObject *blocks(PyObject *module, PyObject *const *o, Py_ssize_t count) {
    (void)module;
    if (count != 17)
        return PyErr_Format(PyExc_TypeError, "blocks takes 17 arguments");
    ptrdiff_t width = PyLong_AsSsize_t(o[14]), first = PyLong_AsSsize_t(o[15]);
    ptrdiff_t last = PyLong_AsSsize_t(o[16]);
    Buffers all = {.taken = 0};
    Job job = {.level = &LEVELS[PyLong_AsLong(o[0])]};
    job.forward = taken(&all, o[1], 0, &job.forward_size);
    job.forward_lists = taken(&all, o[2], 0, NULL);
    job.backward = taken(&all, o[3], 0, &job.backward_size);
    job.backward_lists = taken(&all, o[4], 0, NULL);
    job.layout = taken(&all, o[5], 0, NULL);
    job.numbers = taken(&all, o[6], 0, NULL);
    job.X = taken(&all, o[7], 0, NULL);
    job.cotangent = taken(&all, o[8], 0, NULL);
    job.outputs = taken(&all, o[9], 1, NULL);
    job.d_inputs = taken(&all, o[10], 1, NULL);
    job.totals = taken(&all, o[11], 1, NULL);
    char *odd = taken(&all, o[12], 1, NULL);
    job.memory = taken(&all, o[13], 1, NULL);
    if (!PyErr_Occurred()) {
        Py_BEGIN_ALLOW_THREADS
        job.forward_size /= sizeof(int32_t);
        job.backward_size /= sizeof(int32_t);
        for (ptrdiff_t start = first; start < last; start += width) {
            ptrdiff_t w = last - start < width ? last - start : width;
            if (!block(&job, start, w)) /* then each by itself, to find out which */
                for (ptrdiff_t k = start; k < start + w; k++)
                    odd[k] = (char)!block(&job, k, 1);
        }
        Py_END_ALLOW_THREADS
    }
    released(&all);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}
