"""What the notes leave open or get wrong: about what, what they say, and the correction."""

from __future__ import annotations

from micrograd_es.base.languages import gettext as _

Correction = tuple[str, str, str]


def in_formulas() -> list[Correction]:
    """In the order in which the document's formulas come."""
    return [
        (
            _("**Four rows are empty**: those of the weights into the first neuron of each layer."),
            r"$\partial C / \partial w_{(1)}^{(1,1)} =$ " + "…",
            r"$\partial C / \partial w_{(l)}^{(n,m)} = \delta_{(l)}^{(n)} \cdot a_{(l-1)}^{(m)}$",
        ),
        (
            _(
                "**A path is missing.** $a_{(1)}^{(2)}$ feeds both outputs, and the notes "
                "follow it to $y^{(2)}$ alone."
            ),
            r"$2(y^{(2)} - \hat{y}^{(2)}) \cdot \sigma'(z_{(2)}^{(2)}) \cdot w_{(2)}^{(2)} "
            r"\cdot \sigma'(z_{(1)}^{(2)}) \cdot x^{(1)}$",
            r"$\sum_{n=1}^{2} 2(y^{(n)} - \hat{y}^{(n)}) \cdot \sigma'(z_{(2)}^{(n)}) "
            r"\cdot w_{(2)}^{(n,2)} \cdot \sigma'(z_{(1)}^{(2)}) \cdot x^{(1)}$",
        ),
        (
            _("**A weight lacks an index**: a weight has two ends."),
            r"$\partial z_{(2)}^{(2)} / \partial a_{(1)}^{(2)} = w_{(2)}^{(2)}$",
            r"$\partial z_{(2)}^{(2)} / \partial a_{(1)}^{(2)} = w_{(2)}^{(2,2)}$",
        ),
        (
            _("**An output's number stands where a layer's would**, in the row of {w}.").format(
                w="$w_{(2)}^{(2,2)}$"
            ),
            r"$\partial C / \partial y_{(2)}$",
            r"$\partial C / \partial y^{(2)}$",
        ),
        (
            _(
                "**The second row of A**: layer and neuron have changed places, and "
                "$y^{(1)}$ stands there twice."
            ),
            r"$a_{(2)}^{(1)} \quad y^{(1)}$",
            r"$a_{(1)}^{(2)} \quad y^{(2)}$",
        ),
        (
            _(
                r"**The name and the sign of ŷ.** In the formula of the cost $y$ is "
                r"the target, in the worked example it is the output, and `mse(Y, Y_pred)` "
                "goes back to the first. The square hides it in $C$ and the derivative does "
                "not: the factor is twice the difference of output minus target, whatever "
                "their names."
            ),
            r"$(a_{L}^{(i)} - y^{(i)})^{2}$, $(y^{(i)} - \hat{y}^{(i)})^{2}$",
            r"$C = \sum_{n} (y^{(n)} - \hat{y}^{(n)})^{2}$, "
            r"$\partial C / \partial y^{(n)} = 2(y^{(n)} - \hat{y}^{(n)})$",
        ),
        (
            _(
                "**A neuron is written in three ways**, which are three different networks: "
                "one weight times the mean of the inputs in the cost, the mean of many "
                r"$\sigma$ in `learn`, and in the worked example a weighted sum, the one that "
                "its derivatives belong to. The last is the usual one; "
                '`Net(…, form="mean-input")` and `form="mean-output"` give the others.'
            ),
            r"$\sigma(w_{L}^{(n)} \cdot \frac{1}{M} \sum_{j} a_{L-1}^{(j)} + b_{L}^{(n)})$",
            r"$\sigma(\sum_{m} w_{(L)}^{(n,m)} \cdot a_{(L-1)}^{(m)} + b_{(L)}^{(n)})$",
        ),
        (
            _(
                "**M or N.** $M$ counts the neurons of the layer before, $N$ those of the "
                "layer; the code has $N$ for both (“for now”, says a comment), and so makes "
                "every layer equally wide."
            ),
            r"$\mathbf{W}$: $N \times L \times N$",
            _(r"one matrix $N_{l} \times N_{l-1}$ a layer, as in `MLP`"),
        ),
        (
            _(
                "**Sum or mean.** The formula of $C$ adds the squares up and `mse` takes their "
                "mean: the gradients differ by a factor of $N$."
            ),
            "`np.mean((Y - Y_pred)**2)`",
            "`np.sum((Y_pred - Y)**2)`",
        ),
    ]


def in_code() -> list[Correction]:
    """In the notes' own cells."""
    return [
        (
            _("**The gradient is an empty list**, so that there is nothing to subtract."),
            "`grad_C_W = np.array([[[ ]]])`",
            "`grad_C_W[:, l] = np.outer(delta, a)`",
        ),
        (
            _(
                "**The order of A.** `learn` has the layer first, and `predict`, $W$ and $B$ "
                "the neuron; with $N = L$ it does not show."
            ),
            "`[[… for n in range(N)] for l in range(L)]`",
            "`[[… for l in range(L)] for n in range(N)]`",
        ),
        (
            _(
                "**A layer reads the wrong activations.** `learn` takes those of the same "
                "layer. And $A$ is replaced only when it is complete, so that the second layer "
                "still sees those of the last call (zeros, to begin with): it has to be filled "
                "layer by layer."
            ),
            "`self.A[m][l]`",
            "`self.A[m][l-1]`",
        ),
        (
            _(
                "**In `predict` nothing is added up.** A row of weights times one input gives "
                "$N$ numbers where a neuron has one, and the other inputs never arrive; the "
                "mean that `learn` takes is missing here."
            ),
            "`self.g(self.W[n][l] * X[n] + self.B[n][l])`",
            "`self.g(self.W[n][l] @ X + self.B[n][l])`",
        ),
        (
            _("**`np.mean` does not take a generator** and raises a `TypeError`."),
            "`np.mean(… for m in range(self.N))`",
            "`np.mean([… for m in range(self.N)])`",
        ),
        (
            _(
                "**One bias a neuron.** The formula has $b_{(l)}^{(n)}$, the code one bias for "
                "each weight."
            ),
            "`np.zeros((N, L, N))`",
            "`np.zeros((N, L))`",
        ),
        (
            _("**`self.` is missing**: without it the names are not defined."),
            "`C(Y, …)`, `range(L)`, `range(N)`, `W[n][l][m] -= lr * …`",
            "`self.C(Y, …)`, `range(self.L)`, `range(self.N)`, `self.W[n][l][m] -= self.lr * …`",
        ),
        (
            _("**`self.X` does not exist**: `X` is an argument."),
            "`self.X[m]`",
            "`X[m]`",
        ),
        (
            _(
                "**The three loops can go.** The question in the comment has an answer: yes, "
                "subtracting the arrays does the same."
            ),
            "`# W -= lr * grad_C_W ????????`",
            "`self.W -= self.lr * grad_C_W`",
        ),
        (
            _(
                "**The length of a step is not `lr`.** A step is `lr` times the gradient, and "
                "so grows shorter as the gradient does."
            ),
            "`# muevo W y B … con módulo lr`",
            _("`lr` times the length of the gradient"),
        ),
        (
            _(
                "**`learn` draws the weights anew**, and forgets what was learnt before; and "
                "if the cost never gets down to `tol`, it never ends."
            ),
            "`while C(Y, self.predict(X)) > tol:`",
            "`while costs[-1] > tol and len(costs) <= max_epochs:`",
        ),
    ]
