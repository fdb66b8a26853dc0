/* Nodes that the collector visits.

   Operands are older than their node, and so nodes make no circle by themselves. One may lead
   through an attribute: that node is visited from then on, with all that is below what the
   attribute is or holds (in lists, closures, attributes …, as far as LOOKED_AT things go), and with
   what is computed from them afterwards. */

enum { LOOKED_AT = 1000 };

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

static int push_if_node(PyObject *x, void *stack) {
    return x && IS_NODE(x) ? push(stack, (Node *)x) : 0;
}

/* Has the collector visit the nodes in a stack and all below, as far as it does not yet. */
static int visit(Stack *todo) {
    int failed = 0;
    while (todo->n && !failed) {
        Node *node = todo->at[--todo->n];
        if (node->visited)
            continue;
        node->visited = 1;
        if (!PyObject_GC_IsTracked((PyObject *)node)) /* one of a subclass is */
            PyObject_GC_Track(node);
        if (node->kind == MANY) {
            if (!PyObject_GC_IsTracked(node->a))
                PyObject_GC_Track(node->a);
            for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(node->a) && !failed; k++)
                failed = push_if_node(PyTuple_GET_ITEM(node->a, k), todo);
        } else if (node->kind != LEAF) {
            failed = push_if_node(node->a, todo)
                     || (node->kind == TWO && push_if_node(node->b, todo));
        }
    }
    PyMem_Free(todo->at);
    return failed ? -1 : 0;
}

typedef struct {
    Stack nodes;
    PyObject *things[LOOKED_AT];
    int n;
} Found;

static int look_at(PyObject *x, void *given) {
    Found *found = given;
    if (x && IS_NODE(x))
        return push(&found->nodes, (Node *)x);
    if (x && found->n < LOOKED_AT && PyObject_IS_GC(x) && !PyType_Check(x) && !PyModule_Check(x))
        found->things[found->n++] = x;
    return 0;
}

/* What a thing holds; of a function not its whole module. */
static int look_into(PyObject *x, Found *found) {
    if (PyFunction_Check(x)) {
        PyFunctionObject *function = (PyFunctionObject *)x;
        return look_at(function->func_closure, found) || look_at(function->func_dict, found)
               || look_at(function->func_defaults, found)
               || look_at(function->func_kwdefaults, found);
    }
    return Py_TYPE(x)->tp_traverse ? Py_TYPE(x)->tp_traverse(x, look_at, found) : 0;
}

/* The same of a node that has been given something, and of the nodes that this is or holds. */
static int leads_to(PyObject *self, PyObject *given) {
    Found found;
    found.nodes = (Stack){0};
    found.n = 0;
    int failed = look_at(self, &found) || look_at(given, &found);
    for (int k = 0; k < found.n && !failed; k++)
        failed = look_into(found.things[k], &found);
    if (!failed)
        return visit(&found.nodes);
    PyMem_Free(found.nodes.at);
    return -1;
}

static int storage_setattro(PyObject *self, PyObject *name, PyObject *value) {
    if (PyObject_GenericSetAttr(self, name, value) < 0)
        return -1;
    if (!value || !PyObject_IS_GC(value))
        return 0;
    PyObject *dict = ((Node *)self)->dict;
    PyObject *there = dict ? PyDict_GetItemWithError(dict, name) : NULL;
    if (!there && PyErr_Occurred())
        return -1;
    return there == value || Py_TYPE(self) != S.value ? leads_to(self, value) : 0;
}

static int storage_traverse(PyObject *self, visitproc visit, void *arg) {
    Node *node = (Node *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(node->a);
    Py_VISIT(node->b);
    Py_VISIT(node->rule);
    Py_VISIT(node->dict);
    if (node->held)
        Py_VISIT(node->grad);
    return 0;
}

static int storage_clear(PyObject *self) {
    Node *node = (Node *)self;
    PyObject *grad = node->held ? node->grad : NULL;
    node->held = 0;
    node->gradient = 0.0;
    Py_XDECREF(grad);
    Py_CLEAR(node->dict);
    return 0;
}
