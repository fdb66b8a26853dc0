// The training page in a frame of a page that is one file, whose Python answers its requests.

const { lang: spoken } = document.documentElement;

globalThis.fetch = async (address) => {
  const [path, asked] = address.split("?");
  const query = new URLSearchParams(asked);
  if (!query.has("lang")) query.set("lang", spoken);
  const { status, text } = await parent.python.ask(`play/${path}`, query.toString());
  return new Response(text, { status });
};
