// How much of what is fetched has come.

/** A `fetch` that tells of each piece that arrives. */
export const counted =
  (fetch, tell) =>
  async (...asked) => {
    const response = await fetch(...asked);
    if (!response.body) return response;
    const counting = new TransformStream({
      transform(piece, stream) {
        tell(piece.length);
        stream.enqueue(piece);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(counting), { status, statusText, headers });
  };
