/* Nodes that are let go. */

/* Python gives memory back to the system by the megabyte, and fetches it again for the next graph,
   page by page, which takes as long as making the nodes. The last node to be freed in each of some
   megabytes is kept, and the megabyte with it. */
static void free_memory(Node *node) {
    static Node *kept[32];
    Node **place = &kept[((uintptr_t)node >> 20) % 32], *before = *place;
    if (Py_TYPE(node) != S.value || (before && (uintptr_t)before >> 20 == (uintptr_t)node >> 20)) {
        Py_TYPE(node)->tp_free(node);
        return;
    }
    *place = node;
    if (before)
        S.value->tp_free(before);
}

/* Freed one after the other: a graph may be a million nodes deep. */
static OF_A_THREAD Node *to_free;
static OF_A_THREAD int freeing;

static inline void let_go_of(PyObject *x) {
    if (!x)
        return;
    if (Py_REFCNT(x) > 1 || Py_TYPE(x) != S.value) {
        Py_DECREF(x);
        return;
    }
    if (((Node *)x)->visited)
        PyObject_GC_UnTrack(x);
    Py_SET_REFCNT(x, 0);
    ((Node *)x)->next = to_free;
    to_free = (Node *)x;
}

static void free_one(Node *node) {
    if (node->weak)
        PyObject_ClearWeakRefs((PyObject *)node);
    PyObject *a = node->a, *b = node->b;
    node->a = node->b = NULL;
    if (node->kind == MANY && Py_REFCNT(a) == 1)
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(a); k++) {
            PyObject *x = PyTuple_GET_ITEM(a, k);
            PyTuple_SET_ITEM(a, k, NULL);
            let_go_of(x);
        }
    let_go_of(a);
    let_go_of(b);
    Py_CLEAR(node->rule);
    if (node->held)
        Py_DECREF(node->grad);
    Py_CLEAR(node->label);
    Py_CLEAR(node->dict);
    PyTypeObject *type = Py_TYPE(node);
    free_memory(node);
    Py_DECREF(type);
}

static void storage_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    ((Node *)self)->next = to_free;
    to_free = (Node *)self;
    if (freeing)
        return;
    freeing = 1;
    while (to_free) {
        Node *node = to_free;
        to_free = node->next;
        free_one(node);
    }
    freeing = 0;
}
