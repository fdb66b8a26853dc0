/* What Python sees of a node, and how it is made again. */

/* -- what Python sees of a node -------------------------------------------------------------- */

#define SELF ((Node *)self)
#define GET(name) static PyObject *get_##name(PyObject *self, void *none)
#define SET(name) static int set_##name(PyObject *self, PyObject *x, void *none)
#define NOT_DELETED                                                                          \
    if ((void)none, !x) {                                                                    \
        PyErr_SetString(PyExc_AttributeError, "what a node holds cannot be deleted");        \
        return -1;                                                                           \
    }

static int read_number(PyObject *x, double *to) {
    *to = PyFloat_AsDouble(x);
    return *to == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static void put(PyObject **place, PyObject *x) { /* a reference is taken over */
    PyObject *before = *place;
    *place = x;
    Py_XDECREF(before);
}

static int is_none(PyObject *x) { return x == Py_None; }

/* A partial is None where nothing is handed on. */
#define READ_PARTIAL(x, node, field)                                                         \
    ((node)->field##_none = is_none(x), is_none(x) ? 0 : read_number(x, &(node)->field))

GET(data) { (void)none; return PyFloat_FromDouble(SELF->data); }
SET(data) { NOT_DELETED return read_number(x, &SELF->data); }

/* As the property of Value: whoever asks is told of it, and any real number is taken. */
GET(number) {
    (void)none;
    if (S.taken && S.taken != Py_None)
        return PyObject_CallOneArg(S.taken, self);
    return PyFloat_FromDouble(SELF->data);
}
SET(number) {
    NOT_DELETED
    PyObject *number = PyFloat_CheckExact(x) ? Py_NewRef(x) : PyObject_CallOneArg(S.as_float, x);
    if (!number)
        return -1;
    SELF->data = PyFloat_AsDouble(number);
    Py_DECREF(number);
    return 0;
}

static void hold(Node *node, PyObject *grad) { /* a reference is taken over */
    PyObject *before = node->held ? node->grad : NULL;
    node->held = 1;
    node->grad = grad;
    Py_XDECREF(before);
}

/* The gradient, which is nobody's object. */
static void fill_in(Node *node, double gradient) {
    PyObject *before = node->held ? node->grad : NULL;
    node->held = 0;
    node->gradient = gradient;
    Py_XDECREF(before);
}

GET(grad) {
    (void)none;
    if (!SELF->held) {
        PyObject *grad = PyFloat_FromDouble(SELF->gradient);
        if (!grad)
            return NULL;
        hold(SELF, grad);
    }
    return Py_NewRef(SELF->grad);
}
SET(grad) {
    NOT_DELETED
    hold(SELF, Py_NewRef(x));
    return PyObject_IS_GC(x) ? leads_to(self, x) : 0;
}

GET(label) {
    (void)none;
    return SELF->label ? Py_NewRef(SELF->label) : PyUnicode_FromStringAndSize("", 0);
}
SET(label) { NOT_DELETED put(&SELF->label, Py_NewRef(x)); return 0; }

GET(rule) { (void)none; return Py_NewRef(SELF->rule ? SELF->rule : Py_None); }
SET(rule) { NOT_DELETED put(&SELF->rule, x == Py_None ? NULL : Py_NewRef(x)); return 0; }

GET(adjoint) { (void)none; return number_or_none(SELF->adjoint, !SELF->reached); }
SET(adjoint) {
    NOT_DELETED
    SELF->reached = x != Py_None;
    SELF->adjoint = 0.0;
    return SELF->reached ? read_number(x, &SELF->adjoint) : 0;
}

GET(a) {
    (void)none;
    switch (SELF->kind) {
    case LEAF: return SELF->a ? Py_NewRef(SELF->a) : PyTuple_New(0);
    case ONE: return PyTuple_Pack(1, SELF->a);
    default: return Py_NewRef(SELF->a);
    }
}
SET(a) {
    NOT_DELETED
    int many = PyTuple_Check(x);
    SELF->kind = !many ? TWO : PyTuple_GET_SIZE(x) ? MANY : LEAF;
    put(&SELF->a, Py_NewRef(x));
    if (SELF->b && many == !!IS_NODE(SELF->b)) /* partials are no operand, nor the other way */
        put(&SELF->b, NULL);
    return 0;
}

GET(b) { (void)none; return Py_NewRef(SELF->kind == TWO && SELF->b ? SELF->b : Py_None); }
SET(b) {
    NOT_DELETED
    if (x != Py_None) {
        SELF->kind = TWO;
        put(&SELF->b, Py_NewRef(x));
    }
    return 0;
}

GET(da) {
    (void)none;
    if (SELF->kind == TWO)
        return number_or_none(SELF->da, SELF->da_none);
    if (SELF->kind == ONE) {
        PyObject *x = number_or_none(SELF->da, SELF->da_none);
        PyObject *pair = x ? PyTuple_Pack(1, x) : NULL;
        Py_XDECREF(x);
        return pair;
    }
    if (SELF->kind == LEAF || SELF->b)
        return SELF->b ? Py_NewRef(SELF->b) : PyTuple_New(0);
    Py_ssize_t n = PyTuple_GET_SIZE(SELF->a); /* a sum: each is 1 */
    PyObject *one = PyFloat_FromDouble(1.0), *ones = one ? PyTuple_New(n) : NULL;
    for (Py_ssize_t k = 0; ones && k < n; k++)
        PyTuple_SET_ITEM(ones, k, Py_NewRef(one));
    Py_XDECREF(one);
    return ones;
}
SET(da) {
    NOT_DELETED
    if (!PyTuple_Check(x))
        return READ_PARTIAL(x, SELF, da);
    put(&SELF->b, Py_NewRef(x));
    return 0;
}

GET(db) {
    (void)none;
    return number_or_none(SELF->db, SELF->kind != TWO || SELF->db_none);
}
SET(db) { NOT_DELETED return READ_PARTIAL(x, SELF, db); }

SET(dict) {
    return PyObject_GenericSetDict(self, x, none) < 0 ? -1 : x ? leads_to(self, x) : 0;
}

static PyGetSetDef ATTRIBUTES[] = {
#define BOTH(name) get_##name, set_##name, NULL, NULL
    {"_data", BOTH(data)},
    {"data", get_number, set_number,
     "The number. It can be assigned; nodes that were made before keep their partials.", NULL},
    {"grad", BOTH(grad)}, {"label", BOTH(label)},
    {"_rule", BOTH(rule)}, {"_adjoint", BOTH(adjoint)},
    {"_a", BOTH(a)}, {"_b", BOTH(b)}, {"_da", BOTH(da)}, {"_db", BOTH(db)},
    {"__dict__", PyObject_GenericGetDict, set_dict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMemberDef MEMBERS[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(Node, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Node, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot STORAGE_SLOTS[] = {
    {Py_tp_new, storage_new},
    {Py_tp_dealloc, storage_dealloc},
    {Py_tp_traverse, storage_traverse},
    {Py_tp_clear, storage_clear},
    {Py_tp_setattro, storage_setattro},
    {Py_tp_getset, ATTRIBUTES},
    {Py_tp_members, MEMBERS},
    {Py_tp_methods, METHODS_OF_ROWS},
    {Py_nb_add, made_add},
    {Py_nb_subtract, made_sub},
    {Py_nb_multiply, made_mul},
    {Py_nb_true_divide, made_div},
    {Py_nb_power, power},
    {Py_nb_remainder, made_mod},
    {Py_nb_floor_divide, made_floor_divide},
    {Py_nb_negative, made_neg},
    {Py_nb_absolute, made_abs},
    {Py_tp_doc, "What a node of the graph holds."},
    {0, NULL},
};
/* Named as the class under which it stands, so that a method knows itself as Value.tanh. */
static PyType_Spec STORAGE = {
    "micrograd_es.engine.value.Value", sizeof(Node), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, STORAGE_SLOTS,
};

/* -- making ------------------------------------------------------------------------------------ */

/* A number, and a label or none; all else is for the __init__ that Value has. */
static initproc slow_init;
static int value_init(PyObject *self, PyObject *args, PyObject *settings) {
    Py_ssize_t n = PyTuple_GET_SIZE(args), named = settings ? PyDict_GET_SIZE(settings) : 0;
    PyObject *number = n ? PyTuple_GET_ITEM(args, 0) : Py_None;
    PyObject *label = n == 2 ? PyTuple_GET_ITEM(args, 1)
                      : named ? PyDict_GetItemString(settings, "label") : NULL;
    if (n + named > 2 || (n + named == 2 && !(label && PyUnicode_CheckExact(label)))
        || !(PyFloat_CheckExact(number) || PyLong_CheckExact(number))
        || SELF->a || SELF->held || SELF->label || SELF->gradient != 0.0)
        return slow_init(self, args, settings);
    if (read_number(number, &SELF->data) < 0)
        return -1;
    SELF->label = Py_XNewRef(label);
    return 0;
}

/* -- making again, as `graph` has it ---------------------------------------------------------- */

PyDoc_STRVAR(leaf_doc, "A new node of that class that no operation has made.");
static PyObject *leaf(PyObject *module, PyObject *const *given, Py_ssize_t n) {
    (void)module;
    if (n != 2 || !PyType_Check(given[0])
        || !PyType_IsSubtype((PyTypeObject *)given[0], S.storage))
        return PyErr_Format(PyExc_TypeError, "leaf takes a class of nodes and a number");
    Node *node = made_of((PyTypeObject *)given[0]);
    if (node && read_number(given[1], &node->data) < 0)
        Py_CLEAR(node);
    return (PyObject *)node;
}

PyDoc_STRVAR(make_again_doc, "Has a node be the result of an operation; nobody looks at it.");
static PyObject *make_again(PyObject *module, PyObject *const *given, Py_ssize_t n) {
    (void)module;
    if (n != 4 || !IS_NODE(given[0]) || !PyTuple_Check(given[2]) || !PySequence_Check(given[3])
        || PyTuple_GET_SIZE(given[2]) != PySequence_Size(given[3]))
        return PyErr_Format(PyExc_TypeError, "make_again takes a node, a rule, and two tuples");
    Node *node = (Node *)given[0];
    PyObject *parents = given[2], *partials = given[3], *a = node->a, *b = node->b;
    Py_ssize_t count = PyTuple_GET_SIZE(parents);
    Node read = {0};
    if (count == 2) {
        PyObject *both = PySequence_Tuple(partials);
        int failed = !both || READ_PARTIAL(PyTuple_GET_ITEM(both, 0), &read, da) < 0
                     || READ_PARTIAL(PyTuple_GET_ITEM(both, 1), &read, db) < 0;
        Py_XDECREF(both);
        if (failed)
            return NULL;
    }
    if (count == 2) {
        node->kind = TWO;
        node->a = Py_NewRef(PyTuple_GET_ITEM(parents, 0));
        node->b = Py_NewRef(PyTuple_GET_ITEM(parents, 1));
        node->da = read.da, node->db = read.db;
        node->da_none = read.da_none, node->db_none = read.db_none;
    } else {
        node->kind = count ? MANY : LEAF;
        node->a = Py_NewRef(parents);
        node->b = Py_NewRef(partials);
    }
    put(&node->rule, given[1] == Py_None ? NULL : Py_NewRef(given[1]));
    Py_XDECREF(a);
    Py_XDECREF(b);
    int visited = node->visited;
    for (Py_ssize_t k = 0; k < count; k++) {
        PyObject *x = PyTuple_GET_ITEM(parents, k);
        visited |= x && IS_NODE(x) && ((Node *)x)->visited;
    }
    node->visited = 0;
    return visited && leads_to(given[0], Py_None) < 0 ? NULL : Py_NewRef(Py_None);
}
