/* Nodes in C: what a node holds, the operators of the table, the order and the chain rule.

   The same as engine/graph.py and engine/making.py say in Python, to the bit. A node is no object
   that the collector visits: its operands are older than itself, so that nodes make no circle.
   (One that leads through an attribute which somebody has given a node is not found.) */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

#if defined(_MSC_VER)
#define OF_A_THREAD __declspec(thread)
#define INLINE static __forceinline
#else
#define OF_A_THREAD _Thread_local
#define INLINE static inline __attribute__((always_inline))
#endif

/* Operands are one, or two, each in a place of its own, or any number of them, in a tuple. */
enum { LEAF, ONE, TWO, MANY };

typedef struct Node {
    PyObject_HEAD
    double data, da, db, adjoint;
    PyObject *a;        /* an operand, or the tuple of all of them */
    PyObject *b;        /* another, or the tuple of the partials; NULL where each of them is 1 */
    PyObject *rule;     /* NULL in a leaf */
    PyObject *grad;     /* NULL where it is `gradient` */
    PyObject *label;    /* NULL where it is empty */
    PyObject *dict, *weak;
    double gradient;
    uint64_t seen;      /* the walk that has come here last */
    unsigned char kind, da_none, db_none, reached;
} Node;

/* What there is one of: the classes, the rows of the table, what Python does, and walks. */
static struct {
    PyTypeObject *storage, *value;
    PyObject *operand, *number, *sum, *as_float, *watch, *taken, *rules;
    uint64_t walk;
} S;

#define IS_NODE(x) (Py_TYPE(x) == S.value || PyObject_TypeCheck(x, S.storage))

/* -- making ------------------------------------------------------------------------------- */

/* All of it 0. Every class that is written in Python is one for the collector; what is of Value
   itself, and of no subclass with more in it, is not handed to it. */
static inline Node *made_of(PyTypeObject *type) {
    if (type != S.value || !PyType_IS_GC(type))
        return (Node *)type->tp_alloc(type, 0);
    Node *node = PyObject_GC_New(Node, type);
    if (node)
        memset(&node->data, 0, sizeof *node - offsetof(Node, data));
    return node;
}

static PyObject *storage_new(PyTypeObject *type, PyObject *args, PyObject *settings) {
    (void)args, (void)settings;
    return (PyObject *)made_of(type);
}

/* Freed one after the other: a graph may be a million nodes deep. */
static OF_A_THREAD Node *to_free;
static OF_A_THREAD int freeing;

static void let_go(Node *node) {
    PyObject *a = node->a, *b = node->b;
    node->a = node->b = NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    Py_CLEAR(node->rule);
    Py_CLEAR(node->grad);
    Py_CLEAR(node->label);
    Py_CLEAR(node->dict);
}

static void storage_dealloc(PyObject *self) {
    Node *node = (Node *)self;
    if (node->weak)
        PyObject_ClearWeakRefs(self);
    /* the list goes through `seen`, of which nobody asks any more */
    node->seen = (uint64_t)(uintptr_t)to_free;
    to_free = node;
    if (freeing)
        return;
    freeing = 1;
    while (to_free) {
        node = to_free;
        to_free = (Node *)(uintptr_t)node->seen;
        let_go(node);
        PyTypeObject *type = Py_TYPE(node);
        type->tp_free(node);
        Py_DECREF(type);
    }
    freeing = 0;
}

/* Whoever looks at each new node is told; a reference to the node is taken over. */
static PyObject *watched(Node *node) {
    if (S.watch && S.watch != Py_None) {
        PyObject *said = PyObject_CallOneArg(S.watch, (PyObject *)node);
        if (!said) {
            Py_DECREF(node);
            return NULL;
        }
        Py_DECREF(said);
    }
    return (PyObject *)node;
}

/* A plain number of an expression, known by what it has for operands. */
static PyObject *number_of(double x) {
    Node *node = made_of(S.value);
    if (node) {
        node->data = x;
        node->a = Py_NewRef(S.number);
    }
    return (PyObject *)node;
}

/* What stands beside an operator as a node, a new reference; None for what is no operand. */
static PyObject *operand_of(PyObject *x) {
    if (PyObject_TypeCheck(x, S.value))
        return Py_NewRef(x);
    if (PyFloat_CheckExact(x))
        return number_of(PyFloat_AS_DOUBLE(x));
    if (PyLong_CheckExact(x)) {
        double number = PyLong_AsDouble(x);
        return number == -1.0 && PyErr_Occurred() ? NULL : number_of(number);
    }
    return PyObject_CallOneArg(S.operand, x);
}

/* A partial that nothing is handed on by is None: what never takes a gradient, and of constants
   by branch the 0 of a branch that was not taken. */
#define KEEP(field, takes, piecewise, partial)                                               \
    if (takes)                                                                               \
        node->field = (partial);                                                             \
    node->field##_none = !(takes) || ((piecewise) && node->field == 0.0)

#define RULE(index) Py_NewRef(PyTuple_GET_ITEM(S.rules, index))

#define UNARY(name, index, piecewise, takes0, result, partial0)                              \
    static PyObject *made_##name(PyObject *self) {                                           \
        double a = ((Node *)self)->data, y = (result);                                       \
        Node *node = made_of(S.value);                                                       \
        if (!node)                                                                           \
            return NULL;                                                                     \
        (void)y;                                                                             \
        node->data = y;                                                                      \
        KEEP(da, takes0, piecewise, partial0);                                               \
        node->kind = ONE;                                                                    \
        node->a = Py_NewRef(self);                                                           \
        node->rule = RULE(index);                                                            \
        return watched(node);                                                                \
    }                                                                                        \
    static PyObject *method_##name(PyObject *self, PyObject *none) {                         \
        (void)none;                                                                          \
        return made_##name(self);                                                            \
    }

/* Of two nodes; it takes over both references. */
#define BINARY(name, index, piecewise, takes0, takes1, result, partial0, partial1)           \
    static PyObject *both_##name(PyObject *left, PyObject *right) {                          \
        double a = ((Node *)left)->data, b = ((Node *)right)->data, y = (result);            \
        Node *node = made_of(S.value);                                                       \
        if (!node) {                                                                         \
            Py_DECREF(left);                                                                 \
            Py_DECREF(right);                                                                \
            return NULL;                                                                     \
        }                                                                                    \
        (void)y;                                                                             \
        node->data = y;                                                                      \
        KEEP(da, takes0, piecewise, partial0);                                               \
        KEEP(db, takes1, piecewise, partial1);                                               \
        node->kind = TWO;                                                                    \
        node->a = left;                                                                      \
        node->b = right;                                                                     \
        node->rule = RULE(index);                                                            \
        return watched(node);                                                                \
    }                                                                                        \
    static PyObject *made_##name(PyObject *x, PyObject *y) {                                 \
        PyObject *left = operand_of(x), *right;                                              \
        if (!left || left == Py_None)                                                        \
            return left ? (Py_DECREF(left), Py_NewRef(Py_NotImplemented)) : NULL;            \
        right = operand_of(y);                                                               \
        if (!right || right == Py_None) {                                                    \
            Py_DECREF(left);                                                                 \
            return right ? (Py_DECREF(right), Py_NewRef(Py_NotImplemented)) : NULL;          \
        }                                                                                    \
        return both_##name(left, right);                                                     \
    }

/* The functions that the rows name, as Python's `math` has them too. */
#define HOW int exact, int odd
#define AS 1, 0
#define M(name) m_##name
#define VALUE(name) value_##name
#define PARTIAL(name, i) partial_##name##_##i
#define PULL(name, i) pull_##name##_##i
#define LIBRARY(name, call)                                                                  \
    INLINE double M(name)(double x, HOW) { (void)exact, (void)odd; return call(x); }
LIBRARY(abs, fabs)
LIBRARY(sqrt, sqrt)
LIBRARY(floor, floor)
LIBRARY(exp, exp)
LIBRARY(log, log)
LIBRARY(log1p, log1p)
LIBRARY(tanh, tanh)
LIBRARY(sin, sin)
LIBRARY(cos, cos)

#include "node_rows.h"

/* -- sums and products ---------------------------------------------------------------------- */

/* Correctly rounded, after Shewchuk, as math.fsum; Python is asked where that is not finite. */
static int summed(PyObject *const *terms, Py_ssize_t n, double *result) {
    double room[64], *p = room;
    Py_ssize_t m = 0, size = 64;
    for (Py_ssize_t k = 0; k < n; k++) {
        double x = ((Node *)terms[k])->data;
        Py_ssize_t i = 0;
        for (Py_ssize_t j = 0; j < m; j++) {
            volatile double high, rest, low;
            double y = p[j];
            if (fabs(x) < fabs(y)) {
                double t = x;
                x = y;
                y = t;
            }
            high = x + y;
            rest = high - x;
            low = y - rest;
            if (low != 0.0)
                p[i++] = low;
            x = high;
        }
        m = i;
        if (x != 0.0) {
            if (!(fabs(x) <= DBL_MAX) || m == size)
                goto odd;
            p[m++] = x;
        }
    }
    {
        volatile double high = 0.0, low = 0.0;
        if (m > 0) {
            high = p[--m];
            while (m > 0) {
                double x = high, y = p[--m];
                high = x + y;
                volatile double rest = high - x;
                low = y - rest;
                if (low != 0.0)
                    break;
            }
            /* half to even needs the sign of what lies below */
            if (m > 0 && ((low < 0.0 && p[m - 1] < 0.0) || (low > 0.0 && p[m - 1] > 0.0))) {
                double y = low * 2.0;
                volatile double x = high + y, rest = x - high;
                if (y == rest)
                    high = x;
            }
        }
        *result = high;
        return 0;
    }
odd:;
    PyObject *numbers = PyList_New(n), *found = NULL;
    for (Py_ssize_t k = 0; numbers && k < n; k++) {
        PyObject *x = PyFloat_FromDouble(((Node *)terms[k])->data);
        if (!x)
            Py_CLEAR(numbers);
        else
            PyList_SET_ITEM(numbers, k, x);
    }
    if (numbers)
        found = PyObject_CallOneArg(S.sum, numbers);
    Py_XDECREF(numbers);
    *result = found ? PyFloat_AsDouble(found) : -1.0;
    Py_XDECREF(found);
    return found && !PyErr_Occurred() ? 0 : -1;
}

static PyObject *no_node(PyObject *x) {
    const char *kind = x ? Py_TYPE(x)->tp_name : "nothing";
    return PyErr_Format(PyExc_AttributeError, "%.100s is no node", kind);
}

PyDoc_STRVAR(total_doc, "``sum(*parents)`` as a new node.");
static PyObject *total(PyObject *module, PyObject *const *terms, Py_ssize_t n) {
    (void)module;
    double sum;
    for (Py_ssize_t k = 0; k < n; k++)
        if (!IS_NODE(terms[k]))
            return no_node(terms[k]);
    if (summed(terms, n, &sum) < 0)
        return NULL;
    PyObject *parents = PyTuple_New(n);
    Node *node = parents ? made_of(S.value) : NULL;
    if (!node) {
        Py_XDECREF(parents);
        return NULL;
    }
    for (Py_ssize_t k = 0; k < n; k++)
        PyTuple_SET_ITEM(parents, k, Py_NewRef(terms[k]));
    PyObject_GC_UnTrack(parents); /* which makes no circle either */
    node->data = sum;
    node->kind = MANY;
    node->a = parents;
    node->rule = RULE(SUM);
    return watched(node);
}

PyDoc_STRVAR(products_doc, "The nodes of the products of two sequences, pair by pair: a list.");
static PyObject *products(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "products takes two sequences");
    PyObject *lefts = PySequence_Fast(given[0], "a sequence"), *nodes = NULL;
    PyObject *rights = lefts ? PySequence_Fast(given[1], "a sequence") : NULL;
    if (!rights)
        goto end;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(lefts), m = PySequence_Fast_GET_SIZE(rights);
    nodes = PyList_New(m < n ? m : n);
    for (Py_ssize_t k = 0; nodes && k < n && k < m; k++) {
        PyObject *left = PySequence_Fast_GET_ITEM(lefts, k);
        PyObject *right = PySequence_Fast_GET_ITEM(rights, k);
        PyObject *wrong = !IS_NODE(left) ? left : !IS_NODE(right) ? right : NULL;
        PyObject *node = wrong ? no_node(wrong) : both_mul(Py_NewRef(left), Py_NewRef(right));
        if (!node)
            Py_CLEAR(nodes);
        else
            PyList_SET_ITEM(nodes, k, node);
    }
end:
    Py_XDECREF(lefts);
    Py_XDECREF(rights);
    return nodes;
}

/* -- what Python sees of a node -------------------------------------------------------------- */

#define SELF ((Node *)self)
#define GET(name) static PyObject *get_##name(PyObject *self, void *none)
#define SET(name) static int set_##name(PyObject *self, PyObject *x, void *none)
#define NOT_DELETED                                                                          \
    if ((void)none, !x) {                                                                    \
        PyErr_SetString(PyExc_AttributeError, "what a node holds cannot be deleted");        \
        return -1;                                                                           \
    }

static PyObject *number_or_none(double x, int none) {
    return none ? Py_NewRef(Py_None) : PyFloat_FromDouble(x);
}

static int read_number(PyObject *x, double *to) {
    *to = PyFloat_AsDouble(x);
    return *to == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int read_partial(PyObject *x, double *to, unsigned char *none) {
    *none = x == Py_None;
    return *none ? 0 : read_number(x, to);
}

static void put(PyObject **place, PyObject *x) { /* a reference is taken over */
    PyObject *before = *place;
    *place = x;
    Py_XDECREF(before);
}

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

GET(grad) {
    (void)none;
    if (!SELF->grad)
        SELF->grad = PyFloat_FromDouble(SELF->gradient);
    return Py_XNewRef(SELF->grad);
}
SET(grad) { NOT_DELETED put(&SELF->grad, Py_NewRef(x)); return 0; }

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
        return read_partial(x, &SELF->da, &SELF->da_none);
    put(&SELF->b, Py_NewRef(x));
    return 0;
}

GET(db) {
    (void)none;
    return number_or_none(SELF->db, SELF->kind != TWO || SELF->db_none);
}
SET(db) { NOT_DELETED return read_partial(x, &SELF->db, &SELF->db_none); }

static PyGetSetDef ATTRIBUTES[] = {
#define BOTH(name) get_##name, set_##name, NULL, NULL
    {"_data", BOTH(data)},
    {"data", get_number, set_number,
     "The number. It can be assigned; nodes that were made before keep their partials.", NULL},
    {"grad", BOTH(grad)}, {"label", BOTH(label)},
    {"rule", BOTH(rule)}, {"adjoint", BOTH(adjoint)},
    {"a", BOTH(a)}, {"b", BOTH(b)}, {"da", BOTH(da)}, {"db", BOTH(db)},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
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
    {Py_tp_getset, ATTRIBUTES},
    {Py_tp_members, MEMBERS},
    {Py_tp_methods, METHODS_OF_ROWS},
    {Py_nb_add, made_add},
    {Py_nb_subtract, made_sub},
    {Py_nb_multiply, made_mul},
    {Py_nb_true_divide, made_div},
    {Py_nb_negative, made_neg},
    {Py_nb_absolute, made_abs},
    {Py_tp_doc, "What a node of the graph holds."},
    {0, NULL},
};
/* Named as the class under which it stands, so that a method knows itself as Value.tanh. */
static PyType_Spec STORAGE = {
    "micrograd_es.engine.value.Value", sizeof(Node), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, STORAGE_SLOTS,
};

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
    double da = 0.0, db = 0.0;
    unsigned char no_da = 0, no_db = 0;
    if (count == 2) {
        PyObject *both = PySequence_Tuple(partials);
        int failed = !both || read_partial(PyTuple_GET_ITEM(both, 0), &da, &no_da) < 0
                     || read_partial(PyTuple_GET_ITEM(both, 1), &db, &no_db) < 0;
        Py_XDECREF(both);
        if (failed)
            return NULL;
    }
    if (count == 2) {
        node->kind = TWO;
        node->a = Py_NewRef(PyTuple_GET_ITEM(parents, 0));
        node->b = Py_NewRef(PyTuple_GET_ITEM(parents, 1));
        node->da = da, node->db = db;
        node->da_none = no_da, node->db_none = no_db;
    } else {
        node->kind = count ? MANY : LEAF;
        node->a = Py_NewRef(parents);
        node->b = Py_NewRef(partials);
    }
    put(&node->rule, given[1] == Py_None ? NULL : Py_NewRef(given[1]));
    Py_XDECREF(a);
    Py_XDECREF(b);
    Py_RETURN_NONE;
}

/* -- walks ------------------------------------------------------------------------------------- */

typedef struct {
    Node **at;
    size_t n, room;
} Stack;

static int push(Stack *s, Node *node) {
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 256;
        Node **at = PyMem_Realloc(s->at, room * sizeof *at);
        if (!at) {
            PyErr_NoMemory();
            return -1;
        }
        s->at = at, s->room = room;
    }
    s->at[s->n++] = node;
    return 0;
}

static int push_node(Stack *s, PyObject *x) {
    return x && IS_NODE(x) ? push(s, (Node *)x) : (no_node(x), -1);
}

PyDoc_STRVAR(order_doc, "The nodes below the roots, each before its operands.");
static PyObject *order(PyObject *module, PyObject *const *roots, Py_ssize_t n) {
    (void)module;
    Stack todo = {0}, done = {0};
    PyObject *list = NULL;
    uint64_t mark = ++S.walk;
    for (Py_ssize_t k = 0; k < n; k++)
        if (push_node(&todo, roots[k]) < 0)
            goto end;
    while (todo.n) {
        Node *node = todo.at[--todo.n];
        if (!node) { /* the one under this is next: all that is below it is done */
            if (push(&done, todo.at[--todo.n]) < 0)
                goto end;
            continue;
        }
        if (node->seen == mark)
            continue;
        node->seen = mark;
        if (node->kind == LEAF) {
            if (push(&done, node) < 0)
                goto end;
            continue;
        }
        if (push(&todo, node) < 0 || push(&todo, NULL) < 0)
            goto end;
        if (node->kind == MANY) {
            for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(node->a); k++)
                if (push_node(&todo, PyTuple_GET_ITEM(node->a, k)) < 0)
                    goto end;
        } else if (push_node(&todo, node->a) < 0
                   || (node->kind == TWO && push_node(&todo, node->b) < 0)) {
            goto end;
        }
    }
    list = PyList_New((Py_ssize_t)done.n);
    for (size_t k = 0; list && k < done.n; k++)
        PyList_SET_ITEM(list, (Py_ssize_t)k, Py_NewRef((PyObject *)done.at[done.n - 1 - k]));
end:
    PyMem_Free(todo.at);
    PyMem_Free(done.at);
    return list;
}

/* As Python's `adjoint or 0.0`, of which -0.0 is 0.0. */
static double or_zero(double x) { return x == 0.0 ? 0.0 : x; }

static int arrive(PyObject *x, double contribution) {
    if (!x || !IS_NODE(x)) {
        no_node(x);
        return -1;
    }
    Node *node = (Node *)x;
    node->adjoint = or_zero(node->adjoint) + contribution;
    node->reached = 1;
    return 0;
}

/* The nodes of an order, checked: what has been put into a list can be taken out again. */
static PyObject *nodes_of(PyObject *order) {
    PyObject *nodes = PySequence_Tuple(order);
    for (Py_ssize_t k = 0; nodes && k < PyTuple_GET_SIZE(nodes); k++)
        if (!IS_NODE(PyTuple_GET_ITEM(nodes, k))) {
            no_node(PyTuple_GET_ITEM(nodes, k));
            Py_CLEAR(nodes);
        }
    return nodes;
}

PyDoc_STRVAR(hand_on_doc, "The leaves that a gradient reaches, after the chain rule.");
static PyObject *hand_on(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    if (count != 2 || !IS_NODE(given[0]))
        return PyErr_Format(PyExc_TypeError, "hand_on takes a node and an order");
    PyObject *nodes = nodes_of(given[1]), *leaves = nodes ? PyList_New(0) : NULL;
    Py_ssize_t n = leaves ? PyTuple_GET_SIZE(nodes) : 0;
    for (Py_ssize_t k = 0; k < n; k++) {
        Node *node = (Node *)PyTuple_GET_ITEM(nodes, k);
        node->adjoint = 0.0;
        node->reached = 0;
    }
    ((Node *)given[0])->adjoint = 1.0;
    ((Node *)given[0])->reached = 1;
    for (Py_ssize_t k = 0; k < n; k++) {
        Node *node = (Node *)PyTuple_GET_ITEM(nodes, k);
        double upstream = node->adjoint;
        if (!node->reached)
            continue;
        if (node->kind == ONE || node->kind == TWO) {
            if (!node->da_none && arrive(node->a, upstream * node->da) < 0)
                goto wrong;
            if (node->kind == TWO && !node->db_none && arrive(node->b, upstream * node->db) < 0)
                goto wrong;
        } else if (node->kind == MANY) {
            Py_ssize_t most = PyTuple_GET_SIZE(node->a);
            if (node->b && !PyTuple_Check(node->b)) { /* which computes them when asked for */
                PyObject *partials = PySequence_Tuple(node->b);
                if (!partials)
                    goto wrong;
                put(&node->b, partials);
            }
            if (node->b && PyTuple_GET_SIZE(node->b) < most)
                most = PyTuple_GET_SIZE(node->b);
            for (Py_ssize_t i = 0; i < most; i++) {
                PyObject *partial = node->b ? PyTuple_GET_ITEM(node->b, i) : NULL;
                double number = 1.0;
                if (partial == Py_None)
                    continue;
                if (partial && read_number(partial, &number) < 0)
                    goto wrong;
                if (arrive(PyTuple_GET_ITEM(node->a, i), upstream * number) < 0)
                    goto wrong;
            }
        } else if (PyList_Append(leaves, (PyObject *)node) < 0) {
            goto wrong;
        }
    }
    Py_XDECREF(nodes);
    return leaves;
wrong:
    Py_XDECREF(nodes);
    Py_XDECREF(leaves);
    return NULL;
}

PyDoc_STRVAR(accumulate_doc, "Adds to the adjoint of each leaf the gradient that it has already.");
static PyObject *accumulate(PyObject *module, PyObject *leaves) {
    (void)module;
    PyObject *nodes = nodes_of(leaves);
    if (!nodes)
        return NULL;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(nodes); k++) {
        PyObject *self = PyTuple_GET_ITEM(nodes, k), *number;
        if (Py_TYPE(self) == S.value && (!SELF->grad || PyFloat_CheckExact(SELF->grad))) {
            double before = SELF->grad ? PyFloat_AS_DOUBLE(SELF->grad) : SELF->gradient;
            SELF->adjoint = before + or_zero(SELF->adjoint);
            continue;
        }
        PyObject *grad = PyObject_GetAttrString(self, "grad"); /* a subclass may have its own */
        if (grad == Py_None) {
            Py_DECREF(grad);
            continue;
        }
        number = grad ? PyObject_CallOneArg(S.as_float, grad) : NULL;
        Py_XDECREF(grad);
        if (!number) {
            Py_DECREF(nodes);
            return NULL;
        }
        SELF->adjoint = PyFloat_AsDouble(number) + or_zero(SELF->adjoint);
        Py_DECREF(number);
    }
    Py_DECREF(nodes);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(fill_doc, "Puts the adjoint of each node into its `grad`.");
static PyObject *fill(PyObject *module, PyObject *order) {
    (void)module;
    PyObject *nodes = nodes_of(order);
    if (!nodes)
        return NULL;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(nodes); k++) {
        PyObject *self = PyTuple_GET_ITEM(nodes, k);
        double gradient = or_zero(SELF->adjoint);
        if (Py_TYPE(self) == S.value) {
            /* a leaf that no gradient has reached keeps what it has */
            if (SELF->reached || SELF->rule || SELF->grad == Py_None) {
                put(&SELF->grad, NULL);
                SELF->gradient = gradient;
            }
            continue;
        }
        PyObject *now = PyObject_GetAttrString(self, "grad"); /* a subclass may have its own */
        PyObject *x = now ? PyFloat_FromDouble(gradient) : NULL;
        int sets = SELF->reached || SELF->rule || now == Py_None;
        int failed = !x || (sets && PyObject_SetAttrString(self, "grad", x) < 0);
        Py_XDECREF(now);
        Py_XDECREF(x);
        if (failed) {
            Py_DECREF(nodes);
            return NULL;
        }
    }
    Py_DECREF(nodes);
    Py_RETURN_NONE;
}

/* -- the module -------------------------------------------------------------------------------- */

PyDoc_STRVAR(begin_doc, "Takes the class of nodes, the rows, and what Python has for them.");
static PyObject *begin(PyObject *module, PyObject *given) {
    (void)module;
    PyObject *value, *rules, *operand, *number, *sum, *as_float;
    if (!PyArg_ParseTuple(given, "O!O!OO!OO", &PyType_Type, &value, &PyTuple_Type, &rules,
                          &operand, &PyTuple_Type, &number, &sum, &as_float))
        return NULL;
    if (PyTuple_GET_SIZE(rules) != sizeof ROWS / sizeof ROWS[0])
        return PyErr_Format(PyExc_ValueError, "not as many rows as there are");
    put((PyObject **)&S.value, Py_NewRef(value));
    put(&S.rules, Py_NewRef(rules));
    put(&S.operand, Py_NewRef(operand));
    put(&S.number, Py_NewRef(number));
    put(&S.sum, Py_NewRef(sum));
    put(&S.as_float, Py_NewRef(as_float));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(watch_doc, "Has each new node be looked at, and each number that is taken be told.");
static PyObject *watch(PyObject *module, PyObject *const *given, Py_ssize_t n) {
    (void)module;
    if (n != 2)
        return PyErr_Format(PyExc_TypeError, "watch takes two functions, or None");
    put(&S.watch, Py_NewRef(given[0]));
    put(&S.taken, Py_NewRef(given[1]));
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
#define FAST(name, function) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, function##_doc}
    FAST("sum", total), FAST("products", products), FAST("leaf", leaf),
    FAST("make_again", make_again), FAST("order", order), FAST("hand_on", hand_on),
    {"accumulate", accumulate, METH_O, accumulate_doc},
    {"fill", fill, METH_O, fill_doc},
    {"begin", begin, METH_VARARGS, begin_doc},
    FAST("watch", watch),
    {NULL, NULL, 0, NULL},
};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_nodes", .m_size = -1, .m_methods = METHODS,
    .m_doc = "Nodes of the graph in C.",
};

PyMODINIT_FUNC PyInit__nodes(void) {
    PyObject *module = PyModule_Create(&MODULE), *rows = NULL;
    Py_ssize_t n = sizeof ROWS / sizeof ROWS[0];
    S.storage = module ? (PyTypeObject *)PyType_FromSpec(&STORAGE) : NULL;
    rows = S.storage ? PyTuple_New(n) : NULL;
    for (Py_ssize_t k = 0; rows && k < n; k++) {
        PyObject *pair = Py_BuildValue("ss", ROWS[k].name, ROWS[k].digest);
        if (!pair)
            Py_CLEAR(rows);
        else
            PyTuple_SET_ITEM(rows, k, pair);
    }
    if (!rows || PyModule_AddObject(module, "ROWS", rows) < 0
        || PyModule_AddObject(module, "Storage", Py_NewRef((PyObject *)S.storage)) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
