// Python in a worker, as a page sees it: asked by path and query, started again when it dies.

const SECONDS = 20; // an answer that takes longer never comes
const DEATHS = 3; // after more than so many in a row it is not started again
const STARTING = 60; // nor does Python where nothing has arrived for so long

export class Engine extends EventTarget {
  #worker;
  #script;
  #asked = new Map(); // number: the question, and what waits for its answer
  #number = 0;
  #clock = null;
  #deaths = 0;
  ready = false;

  /**
   * @param has What the build says of its files, for the worker.
   * @param died What a page says of a question that has ended the interpreter.
   */
  constructor(has, died) {
    super();
    this.has = has;
    this.died = died;
    // of what a page from a disk holds, browsers take no modules
    const own = has.inside["app/worker.js"];
    this.#script = own
      ? [URL.createObjectURL(own), {}]
      : [new URL("app/worker.js", has.site), { type: "module" }];
    this.#start();
  }

  /** The answer, `{ status, kind, text }`; of status 504 if it ended the interpreter. */
  ask(path, query) {
    return new Promise((done) => {
      if (this.#deaths > DEATHS) return done(this.#silence());
      const id = this.#number++;
      this.#asked.set(id, { path, query, done });
      this.#post(id);
    });
  }

  #silence = () => ({ status: 504, kind: "text/plain", text: this.died });

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
    this.#watch();
  }

  #hear({ id, ready, dead, loaded, whole, ...answer }) {
    if (ready) {
      this.ready = true;
      this.#watch();
      this.#tell("ready");
    } else if (dead !== undefined) {
      this.#die(dead);
    } else if (loaded !== undefined) {
      this.#watch();
      this.#tell("progress", { loaded, whole });
    } else {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      this.#deaths = 0;
      this.#watch();
      asked?.done(answer);
    }
  }

  /** Waits for Python, and once it is there for the oldest question. */
  #watch() {
    clearTimeout(this.#clock);
    if (this.ready && this.#asked.size === 0) return;
    const seconds = this.ready ? SECONDS : STARTING;
    this.#clock = setTimeout(() => this.#die("too long"), 1000 * seconds);
  }

  /** The oldest question is what ended it: that one is given up, the others are asked anew. */
  #die(why) {
    this.#worker.terminate();
    clearTimeout(this.#clock);
    const asking = this.ready;
    this.ready = false;
    this.#deaths += 1;
    const forGood = this.#deaths > DEATHS;
    for (const id of [...this.#asked.keys()].slice(0, forGood ? undefined : Number(asking))) {
      this.#asked.get(id).done(this.#silence());
      this.#asked.delete(id);
    }
    this.#tell("dead", { why, forGood });
    if (forGood) return;
    this.#start();
    for (const id of this.#asked.keys()) this.#post(id);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
