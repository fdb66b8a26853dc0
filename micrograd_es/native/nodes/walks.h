/* The order of a graph, the chain rule, and the gradients that it leaves. */

/* -- walks ------------------------------------------------------------------------------------- */

static int push_node(Stack *s, PyObject *x) {
    return x && IS_NODE(x) ? push(s, (Node *)x) : (no_node(x), -1);
}

/* None, or a number that is read without an error. */
static int is_easy(PyObject *x) {
    int overflow = 0;
    if (PyLong_CheckExact(x))
        PyLong_AsLongAndOverflow(x, &overflow);
    else
        return PyFloat_CheckExact(x) || x == Py_None;
    return !overflow;
}

/* Whether no code of Python's runs where this node hands on its gradient, or is given it. */
static int is_plain(const Node *node) {
    if (Py_TYPE(node) != S.value || (node->held && !is_easy(node->grad)))
        return 0;
    if (node->kind != MANY || !node->b)
        return 1;
    int plain = PyTuple_Check(node->b);
    for (Py_ssize_t k = 0; plain && k < PyTuple_GET_SIZE(node->b); k++)
        plain = is_easy(PyTuple_GET_ITEM(node->b, k));
    return plain;
}

/* The nodes below those in `todo`, each after its operands, with no gradient as yet. */
static int walk(Stack *todo, Stack *done, int *plain) {
    uint64_t mark = ++S.walk;
    while (todo->n) {
        Node *node = todo->at[--todo->n];
        if (!node) { /* the one under this is next: all that is below it is done */
            if (push(done, todo->at[--todo->n]) < 0)
                return -1;
            continue;
        }
        if (node->seen == mark)
            continue;
        node->seen = mark;
        node->adjoint = 0.0;
        node->reached = 0;
        *plain &= is_plain(node);
        if (node->kind == LEAF) {
            if (push(done, node) < 0)
                return -1;
            continue;
        }
        if (push(todo, node) < 0 || push(todo, NULL) < 0)
            return -1;
        if (node->kind == MANY) {
            for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(node->a); k++)
                if (push_node(todo, PyTuple_GET_ITEM(node->a, k)) < 0)
                    return -1;
        } else if (push_node(todo, node->a) < 0
                   || (node->kind == TWO && push_node(todo, node->b) < 0)) {
            return -1;
        }
    }
    return 0;
}

PyDoc_STRVAR(order_doc, "The nodes below the roots, each before its operands.");
static PyObject *order(PyObject *module, PyObject *const *roots, Py_ssize_t n) {
    (void)module;
    Stack todo = {0}, done = {0};
    PyObject *list = NULL;
    int failed = 0, plain = 1;
    for (Py_ssize_t k = 0; k < n && !failed; k++)
        failed = push_node(&todo, roots[k]) < 0;
    if (!failed && walk(&todo, &done, &plain) == 0)
        list = PyList_New((Py_ssize_t)done.n);
    for (size_t k = 0; list && k < done.n; k++)
        PyList_SET_ITEM(list, (Py_ssize_t)k, Py_NewRef((PyObject *)done.at[done.n - 1 - k]));
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

/* Hands the gradient of a node on to its operands. */
static int hand(Node *node) {
    double upstream = node->adjoint;
    if (node->kind != MANY) {
        if (!node->da_none && arrive(node->a, upstream * node->da) < 0)
            return -1;
        return node->kind == TWO && !node->db_none ? arrive(node->b, upstream * node->db) : 0;
    }
    Py_ssize_t most = PyTuple_GET_SIZE(node->a);
    if (node->b && !PyTuple_Check(node->b)) { /* which computes them when asked for */
        PyObject *partials = PySequence_Tuple(node->b);
        if (!partials)
            return -1;
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
            return -1;
        if (arrive(PyTuple_GET_ITEM(node->a, i), upstream * number) < 0)
            return -1;
    }
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
        if (!node->reached)
            continue;
        if (node->kind == LEAF ? PyList_Append(leaves, (PyObject *)node) < 0 : hand(node) < 0)
            goto wrong;
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
        if (Py_TYPE(self) == S.value && (!SELF->held || PyFloat_CheckExact(SELF->grad))) {
            double before = SELF->held ? PyFloat_AS_DOUBLE(SELF->grad) : SELF->gradient;
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

/* A leaf that no gradient has reached keeps what it has. */
static void fill_plain(Node *node, double gradient) {
    if (node->reached || node->rule || (node->held && node->grad == Py_None))
        fill_in(node, or_zero(gradient));
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
            fill_plain(SELF, gradient);
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

/* -- all of it at once -------------------------------------------------------------------------- */

PyDoc_STRVAR(backward_doc, "All of a backward pass; or nothing, and False, where it needs Python.");
static PyObject *backward(PyObject *module, PyObject *root) {
    (void)module;
    Stack todo = {0}, done = {0};
    int plain = 1, failed = push_node(&todo, root) < 0 || walk(&todo, &done, &plain) < 0;
    if (!failed && plain)
        failed = arrive(root, 1.0);
    while (!failed && plain && done.n) {
        Node *node = done.at[--done.n];
        double gradient = or_zero(node->adjoint);
        if (node->reached && node->kind != LEAF) {
            failed = hand(node);
        } else if (node->reached && !(node->held && node->grad == Py_None)) {
            double before = node->gradient;
            failed = node->held && read_number(node->grad, &before) < 0;
            gradient += before;
        }
        fill_plain(node, gradient);
    }
    PyMem_Free(todo.at);
    PyMem_Free(done.at);
    return failed ? NULL : PyBool_FromLong(plain);
}
