// Python in a worker, as a page sees it: asked by path and query, started again when it dies.

const SECONDS = 20; // an answer that takes longer never comes
const STARTING = 60; // nor does Python where nothing has arrived for so long
const STARTS = 2; // that fail one after another; then somebody has to ask for another

export class Engine extends EventTarget {
  #worker;
  #script;
  #asked = new Map(); // number: the question, and what waits for its answer
  #number = 0;
  #clock = null;
  #failed = 0; // starts, one after another
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
      ? [URL.createObjectURL(new Blob([own], { type: "text/javascript" })), {}]
      : [new URL("app/worker.js", has.site), { type: "module" }];
    this.#start();
  }

  /**
   * The answer, `{ status, kind, text }`; of status 504 if it ended the interpreter. A question
   * waits until Python is there; what it says of no language is in that of the page.
   */
  ask(path, settings) {
    const query = new URLSearchParams(settings);
    if (!query.has("lang")) query.set("lang", document.documentElement.lang);
    return new Promise((done) => {
      const id = this.#number++;
      this.#asked.set(id, { path, query: query.toString(), done });
      if (this.#worker) this.#post(id);
    });
  }

  /** Starts it once more, after it has been given up. */
  again() {
    this.#failed = 0;
    this.#start();
  }

  #post(id) {
    const { path, query } = this.#asked.get(id);
    this.#worker.postMessage({ id, path, query });
    this.#watch();
  }

  #start() {
    this.#worker = new Worker(...this.#script);
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => this.#die(event.message ?? "no worker");
    this.#worker.postMessage({ has: this.has });
    this.#watch();
    for (const id of this.#asked.keys()) this.#post(id);
  }

  #hear({ id, ready, dead, loaded, whole, ...answer }) {
    if (ready) {
      this.ready = true;
      this.#failed = 0;
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

  /** The oldest question is what ended it, and is given up; the others are asked anew. */
  #die(why) {
    this.#worker.onmessage = this.#worker.onerror = null; // what it may have said last
    this.#worker.terminate();
    this.#worker = null;
    clearTimeout(this.#clock);
    if (this.ready) {
      const [id] = this.#asked.keys();
      this.#asked.get(id)?.done({ status: 504, kind: "text/plain", text: this.died });
      this.#asked.delete(id);
    } else this.#failed += 1;
    this.ready = false;
    const forGood = this.#failed === STARTS;
    this.#tell("dead", { why, forGood });
    if (!forGood) this.#start();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
