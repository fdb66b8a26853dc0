"""The notes' class with every correction made: NumPy alone, one pattern, as they had it."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def d_sigmoid(z):
    return sigmoid(z) * (1 - sigmoid(z))


def sum_squares(Y, Y_pred):
    return np.sum((Y_pred - Y) ** 2)


def d_sum_squares(Y, Y_pred):
    return 2 * (Y_pred - Y)


class Net:
    def __init__(self, N, L=1, lr=0.01, g=sigmoid, d_g=d_sigmoid, C=sum_squares, d_C=d_sum_squares):
        self.N, self.L, self.lr = N, L, lr
        self.g, self.d_g, self.C, self.d_C = g, d_g, C, d_C
        random = np.random.default_rng()
        self.W = random.random((N, L, N))
        self.B = random.random((N, L))
        self.A, self.Z = np.zeros((N, L)), np.zeros((N, L))

    def predict(self, X):
        a = X
        for l in range(self.L):
            self.Z[:, l] = self.W[:, l] @ a + self.B[:, l]
            a = self.g(self.Z[:, l])
            self.A[:, l] = a
        return a

    def gradients(self, X, Y):
        grad_C_W, grad_C_B = np.zeros_like(self.W), np.zeros_like(self.B)
        delta = self.d_C(Y, self.predict(X)) * self.d_g(self.Z[:, -1])
        for l in reversed(range(self.L)):
            a = self.A[:, l - 1] if l > 0 else X
            grad_C_W[:, l] = np.outer(delta, a)
            grad_C_B[:, l] = delta
            if l > 0:
                delta = self.W[:, l].T @ delta * self.d_g(self.Z[:, l - 1])
        return grad_C_W, grad_C_B

    def learn(self, X, Y, tol=0.1, max_epochs=10_000):
        costs = [self.C(Y, self.predict(X))]
        while costs[-1] > tol and len(costs) <= max_epochs:
            grad_C_W, grad_C_B = self.gradients(X, Y)
            self.W -= self.lr * grad_C_W
            self.B -= self.lr * grad_C_B
            costs.append(self.C(Y, self.predict(X)))
        return costs
