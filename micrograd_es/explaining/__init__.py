"""One derivative as the sum over its paths of products of partials."""
