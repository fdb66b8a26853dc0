/* The doors of the replay: the module that Python imports. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "common.h"

typedef struct {
    const char *name;
    Run *run;
    Turn *turn;
} Level;

static const Level LEVELS[] = {
    {"base", micrograd_es_run_base, micrograd_es_turn_base},
#if defined(X86)
    {"avx2", micrograd_es_run_avx2, micrograd_es_turn_avx2},
    {"avx512", micrograd_es_run_avx512, micrograd_es_turn_avx512},
#endif
};

static int levels(void) {
#if defined(X86)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 1;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") ? 3 : 2;
#else
    return 1;
#endif
}

static const struct {
    const char *name, *digest;
    int kept;
} OPERATIONS[] = {
#include "names.h"
};

#include "blocks.h"

/* -- the module ------------------------------------------------------------------------------ */

static PyMethodDef METHODS[] = {
    {"alone", (PyCFunction)(void (*)(void))alone, METH_FASTCALL, alone_doc},
    {"blocks", (PyCFunction)(void (*)(void))blocks, METH_FASTCALL, blocks_doc},
    {NULL, NULL, 0, NULL},
};

static int filled(PyObject *module) {
    Py_ssize_t n = sizeof OPERATIONS / sizeof OPERATIONS[0];
    PyObject *operations = PyTuple_New(n), *names = PyTuple_New(levels());
    if (!operations || !names)
        return -1;
    for (Py_ssize_t i = 0; i < n; i++)
        PyTuple_SET_ITEM(operations, i, Py_BuildValue("ssi", OPERATIONS[i].name,
                         OPERATIONS[i].digest, OPERATIONS[i].kept));
    for (int i = 0; i < levels(); i++)
        PyTuple_SET_ITEM(names, i, PyUnicode_FromString(LEVELS[i].name));
    if (PyModule_AddObject(module, "OPERATIONS", operations) < 0
        || PyModule_AddObject(module, "LEVELS", names) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "ROOM", ROOM)
        | PyModule_AddIntConstant(module, "PIECE", PIECE);
}

static PyModuleDef_Slot SLOTS_[] = {
    {Py_mod_exec, filled},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_replay", .m_methods = METHODS, .m_slots = SLOTS_,
    .m_doc = "The replay of a recorded graph in C.",
};

PyMODINIT_FUNC PyInit__replay(void) { return PyModuleDef_Init(&MODULE); }
