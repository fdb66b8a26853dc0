/* Nodes that the collector visits.

   Operands are older than their node, and so nodes make no circle by themselves. One may lead
   through an attribute: that node is visited from then on, with all that is below what the
   attribute is or holds (a node in a list, not one in a list in a list), and with what is computed
   from them afterwards. */

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

/* The same of a node that has been given something, and of the nodes that this is or holds. */
static int leads_to(PyObject *self, PyObject *given) {
    Stack todo = {0};
    int failed = push_if_node(self, &todo) || push_if_node(given, &todo);
    if (!failed && !IS_NODE(given) && Py_TYPE(given)->tp_traverse)
        failed = Py_TYPE(given)->tp_traverse(given, push_if_node, &todo);
    if (!failed)
        return visit(&todo);
    PyMem_Free(todo.at);
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
