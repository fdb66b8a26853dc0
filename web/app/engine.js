// Python in a worker, as a page sees it: asked by path and query, started again when it dies.

const SECONDS = 20; // an answer that takes longer never comes

/** What a page shows when there is no answer to be had. */
export class Silent extends Error {}

export class Engine extends EventTarget {
  #worker;
  #script;
  #asked = new Map(); // number: the question, and what waits for its answer
  #number = 0;
  #clock = null;
  #deaths = 0;
  ready = false;

  /** @param has What the build says of its files, for the worker. */
  constructor(has) {
    super();
    this.has = has;
    // of what a page from a disk holds, browsers take no modules
    const own = has.inside["app/worker.js"];
    this.#script = own
      ? [URL.createObjectURL(own), {}]
      : [new URL("app/worker.js", has.site), { type: "module" }];
    this.#start();
  }

  /** The answer, `{ status, kind, text }`; rejects with `Silent` if it ended the interpreter. */
  ask(path, query) {
    return new Promise((done, failed) => {
      const id = this.#number++;
      this.#asked.set(id, { path, query, done, failed });
      this.#post(id);
    });
  }

  #post(id) {
    const { path, query } = this.#asked.get(id);
    this.#worker.postMessage({ id, path, query });
    this.#watch();
  }

  #start() {
    this.#worker = new Worker(...this.#script);
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => this.#die(event.message ?? "");
    this.#worker.postMessage({ has: this.has });
  }

  #hear({ id, ready, dead, loaded, whole, ...answer }) {
    if (ready) {
      this.ready = true;
      this.#watch();
      this.#tell("ready");
    } else if (dead !== undefined) {
      this.#die(dead);
    } else if (loaded !== undefined) {
      this.#tell("progress", { loaded, whole });
    } else {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      this.#deaths = 0;
      this.#watch();
      asked?.done(answer);
    }
  }

  /** Waits for the oldest question, once Python is there. */
  #watch() {
    clearTimeout(this.#clock);
    if (!this.ready || this.#asked.size === 0) return;
    this.#clock = setTimeout(() => this.#die("too long"), 1000 * SECONDS);
  }

  /** The oldest question is what ended it: that one is given up, the others are asked anew. */
  #die(why) {
    this.#worker.terminate();
    clearTimeout(this.#clock);
    const asking = this.ready;
    this.ready = false;
    if (asking) {
      const [oldest] = this.#asked.keys();
      const asked = this.#asked.get(oldest);
      this.#asked.delete(oldest);
      asked?.failed(new Silent(why));
    }
    this.#deaths += 1;
    this.#tell("dead", { why, forGood: this.#deaths > 3 });
    if (this.#deaths > 3) {
      for (const { failed } of this.#asked.values()) failed(new Silent(why));
      this.#asked.clear();
      return;
    }
    this.#start();
    for (const id of this.#asked.keys()) this.#post(id);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
