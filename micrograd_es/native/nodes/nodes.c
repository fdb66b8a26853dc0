/* Nodes in C: what a node holds, the operators of the table, the order and the chain rule.

   The same as engine/graph.py and engine/making.py say in Python, to the bit. A node is no object
   that the collector visits, unless somebody has given it, or one below it, an attribute that may
   lead back to it (visited.h). */

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

/* Time goes into fetching nodes from memory. So what walks need stands first: with the collector's
   16 bytes before it and 64 in all, it is one line of the cache as `malloc` places nodes. */
typedef struct Node {
    PyObject_HEAD
    PyObject *a;        /* an operand, or the tuple of all of them */
    PyObject *b;        /* another, or the tuple of the partials; NULL where each of them is 1 */
    uint64_t seen : 56; /* the walk that has come here last */
    uint64_t kind : 2, da_none : 1, db_none : 1, reached : 1, held : 1, visited : 1;
    union {
        double adjoint;
        struct Node *next; /* to be freed */
    };
    double da, db;
    double data;
    union {
        double gradient;
        PyObject *grad; /* the same, or what somebody has set it to, where it is `held` */
    };
    PyObject *rule;     /* NULL in a leaf */
    PyObject *label;    /* NULL where it is empty */
    PyObject *dict, *weak;
} Node;

/* What there is one of: the classes, the rows of the table, what Python does, and walks. */
static struct {
    PyTypeObject *storage, *value;
    PyObject *operand, *number, *sum, *as_float, *watch, *taken, *rules, *hypot;
    uint64_t walk;
} S;

#define IS_NODE(x) (Py_TYPE(x) == S.value || PyObject_TypeCheck(x, S.storage))

#include "../plain.h"
#include "visited.h"
#include "freeing.h"
#include "making.h"
#include "seen.h"
#include "walks.h"

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
    /* What a class has that is written in Python looks for what a Value has not. */
    S.value->tp_dealloc = storage_dealloc;
    slow_init = S.value->tp_init;
    S.value->tp_init = value_init;
    PyType_Modified(S.value);
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
    {"backward", backward, METH_O, backward_doc},
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
        PyObject *row = ROWS[k].number < 0
            ? Py_BuildValue("sOs", ROWS[k].name, Py_None, ROWS[k].digest)
            : Py_BuildValue("sis", ROWS[k].name, ROWS[k].number, ROWS[k].digest);
        if (!row)
            Py_CLEAR(rows);
        else
            PyTuple_SET_ITEM(rows, k, row);
    }
    PyObject *math = rows ? PyImport_ImportModule("math") : NULL;
    S.hypot = math ? PyObject_GetAttrString(math, "hypot") : NULL;
    Py_XDECREF(math);
    if (!S.hypot || PyModule_AddFunctions(module, FUNCTIONS_OF_ROWS) < 0
        || PyModule_AddObject(module, "ROWS", rows) < 0
        || PyModule_AddObject(module, "Storage", Py_NewRef((PyObject *)S.storage)) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
