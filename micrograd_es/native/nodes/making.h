/* Nodes that operations make, one for each row of the table, and sums and products. */

/* -- making ------------------------------------------------------------------------------- */

/* All of it 0. What is of Value itself, and of no subclass, is not handed to the collector. */
static inline Node *made_of(PyTypeObject *type) {
    if (type != S.value)
        return (Node *)type->tp_alloc(type, 0);
    Node *node = PyObject_GC_New(Node, type);
    if (node)
        memset(&node->a, 0, sizeof *node - offsetof(Node, a));
    return node;
}

static PyObject *storage_new(PyTypeObject *type, PyObject *args, PyObject *settings) {
    (void)args, (void)settings;
    return (PyObject *)made_of(type);
}

/* Whoever looks at each new node is told; a reference to the node is taken over. */
static PyObject *watched(Node *node, int visited) {
    if (visited) {
        Stack todo = {0};
        if (push(&todo, node) < 0 || visit(&todo) < 0) {
            Py_DECREF(node);
            return NULL;
        }
    }
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

/* The same of what a method is given, which refuses all else. */
static PyObject *value_of(PyObject *x) {
    PyObject *found = operand_of(x);
    if (found != Py_None)
        return found;
    Py_DECREF(found);
    Node *node = (Node *)PyObject_CallOneArg((PyObject *)S.value, x);
    if (node && node->kind == LEAF)
        Py_XSETREF(node->a, Py_NewRef(S.number));
    return (PyObject *)node;
}

static PyObject *no_node(PyObject *x) {
    const char *kind = x ? Py_TYPE(x)->tp_name : "nothing";
    return PyErr_Format(PyExc_AttributeError, "%.100s is no node", kind);
}

static PyObject *wrong_count(int n) {
    return PyErr_Format(PyExc_TypeError, "a function of %d operands", n);
}

static PyObject *number_or_none(double x, int none) {
    return none ? Py_NewRef(Py_None) : PyFloat_FromDouble(x);
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
        return watched(node, ((Node *)self)->visited);                                       \
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
        return watched(node, ((Node *)left)->visited | ((Node *)right)->visited);            \
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
    }                                                                                        \
    static PyObject *method_##name(PyObject *self, PyObject *x) {                            \
        PyObject *other = value_of(x);                                                       \
        return other ? both_##name(Py_NewRef(self), other) : NULL;                           \
    }                                                                                        \
    static PyObject *called_##name(PyObject *module, PyObject *const *x, Py_ssize_t n) {     \
        (void)module;                                                                        \
        return n == 2 ? made_##name(x[0], x[1]) : wrong_count(2);                            \
    }                                                                                        \
    static PyObject *reflected_##name(PyObject *module, PyObject *const *x, Py_ssize_t n) {  \
        (void)module;                                                                        \
        return n == 2 ? made_##name(x[1], x[0]) : wrong_count(2);                            \
    }

/* Of three nodes. */
#define TERNARY(name, index, piecewise, takes0, takes1, takes2, result, p0, p1, p2)          \
    static PyObject *called_##name(PyObject *module, PyObject *const *x, Py_ssize_t n) {     \
        (void)module;                                                                        \
        if (n != 3)                                                                          \
            return wrong_count(3);                                                           \
        for (n = 0; n < 3; n++)                                                              \
            if (!IS_NODE(x[n]))                                                              \
                return no_node(x[n]);                                                        \
        double a = ((Node *)x[0])->data, b = ((Node *)x[1])->data;                           \
        double c = ((Node *)x[2])->data, y = (result);                                       \
        (void)y;                                                                             \
        double partials[] = {takes0 ? p0 : 0.0, takes1 ? p1 : 0.0, takes2 ? p2 : 0.0};       \
        int takes[] = {takes0, takes1, takes2};                                              \
        for (n = 0; n < 3; n++)                                                              \
            takes[n] = takes[n] && !((piecewise) && partials[n] == 0.0);                     \
        return of_three(x, y, partials, takes, index);                                       \
    }

static PyObject *of_three(
    PyObject *const *x, double y, const double *partials, const int *takes, int index
) {
    PyObject *a = PyTuple_New(3), *b = PyTuple_New(3);
    Node *node = a && b ? made_of(S.value) : NULL;
    for (int k = 0; node && k < 3; k++) {
        PyObject *partial = number_or_none(partials[k], !takes[k]);
        if (!partial)
            Py_CLEAR(node);
        else
            PyTuple_SET_ITEM(b, k, partial);
    }
    if (!node) {
        Py_XDECREF(a);
        Py_XDECREF(b);
        return NULL;
    }
    int visited = 0;
    for (int k = 0; k < 3; k++) {
        visited |= ((Node *)x[k])->visited;
        PyTuple_SET_ITEM(a, k, Py_NewRef(x[k]));
    }
    PyObject_GC_UnTrack(a); /* which makes no circle either */
    PyObject_GC_UnTrack(b);
    node->data = y;
    node->kind = MANY;
    node->a = a;
    node->b = b;
    node->rule = RULE(index);
    return watched(node, visited);
}

#define FUNCTION(name, function)                                                             \
    {#name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, "A new node, or NotImplemented."}

/* The functions that the rows name, as Python's `math` has them too. */
#define HOW int exact, int odd
#define AS 1, 0
#define M(name) m_##name
#define VALUE(name) value_##name
#define PARTIAL(name, i) partial_##name##_##i
#define PULL(name, i) pull_##name##_##i
#define LIBRARY(name, call)                                                                  \
    INLINE double M(name)(double x, HOW) { (void)exact, (void)odd; return call(x); }
#define LIBRARY2(name, call)                                                                 \
    INLINE double M(name)(double x, double z, HOW) { (void)exact, (void)odd; return call(x, z); }
LIBRARY(abs, fabs)
LIBRARY(sqrt, sqrt)
LIBRARY(floor, floor)
LIBRARY(exp, exp)
LIBRARY(log, log)
LIBRARY(log1p, log1p)
LIBRARY(tanh, tanh)
LIBRARY(sin, sin)
LIBRARY(cos, cos)

LIBRARY2(pow, pow)
LIBRARY2(mod, mod)
LIBRARY2(floor_divide, floor_divide)

/* Python has an algorithm of its own for it, and another one from version to version. */
static double python_hypot(double a, double b) {
    PyObject *found = PyObject_CallFunction(S.hypot, "dd", a, b);
    double result = found ? PyFloat_AsDouble(found) : NAN;
    Py_XDECREF(found);
    PyErr_Clear();
    return result;
}
#define hypot python_hypot

#include "node_rows.h"
#undef hypot

/* In x ** 2 the exponent is a number and not a variable: nothing is derived for it. */
static PyObject *power(PyObject *x, PyObject *y, PyObject *modulus) {
    if (modulus != Py_None)
        Py_RETURN_NOTIMPLEMENTED;
    int both = !PyObject_TypeCheck(x, S.value) || PyObject_TypeCheck(y, S.value);
    return both ? made_pow(x, y) : made_raised(x, y);
}

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
    int visited = 0;
    for (Py_ssize_t k = 0; k < n; k++) {
        visited |= ((Node *)terms[k])->visited;
        PyTuple_SET_ITEM(parents, k, Py_NewRef(terms[k]));
    }
    if (n)
        PyObject_GC_UnTrack(parents); /* which makes no circle either */
    node->data = sum;
    node->kind = n ? MANY : LEAF; /* as any node without operands */
    node->a = parents;
    node->rule = RULE(SUM);
    return watched(node, visited);
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
