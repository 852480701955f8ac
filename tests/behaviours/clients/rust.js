// AllSpark's client in Rust: all of them in one process, driven by lines (tests/clients/primus).
'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createInterface } = require('node:readline');

const { binary, within } = require('../../interop/server');
const { Trace } = require('../trace');

const ANSWER_MS_MAX = 20_000;
const STOP_MS_MAX = 10_000;

/** The process with its clients by number. It is started for the first of them. */
class Program {
  #child = null;
  #clients = new Map();
  #onStall = () => {};

  add(client) {
    this.#child ??= this.#start();
    this.#clients.set(client.number, client);
  }

  onStall(listener) {
    this.#onStall = listener;
  }

  tell(command) {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  forget(number) {
    this.#clients.delete(number);
  }

  /** Ends it: when there is nothing more to read, it leaves. */
  async stop() {
    if (this.#child === null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    const [code] = await within(STOP_MS_MAX, exited, () => 'the clients stay');
    if (code !== 0) throw new Error(`the clients left with ${code}`);
  }

  #start() {
    const stdio = ['pipe', 'pipe', 'inherit'];
    const child = spawn(binary('ALLSPARK_CLIENTS_BIN', 'examples/clients'), ['primus'], { stdio });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { client, stalled, ...said } = JSON.parse(line);
      if (stalled !== undefined) this.#onStall(stalled);
      else this.#clients.get(client)?.hear(said);
    });
    return child;
  }
}

const program = new Program();
let created = 0;

// The program notes an event when it reads it, on a busy machine some time after it has happened.
const EARLY_MS_MAX = 60;

class InRust {
  trace = new Trace(EARLY_MS_MAX);
  #ids = [];

  constructor(url, options) {
    created += 1;
    this.number = created;
    program.add(this);
    this.#tell('create', { url, options });
  }

  open() {
    this.#tell('open');
  }

  write(value) {
    this.#tell('write', { value });
  }

  end(value) {
    this.#tell('end', { value });
  }

  destroy() {
    this.#tell('destroy');
  }

  id() {
    this.#tell('id');
    const answered = new Promise((resolve) => { this.#ids.push(resolve); });
    return within(ANSWER_MS_MAX, answered, () => `the id: ${this.trace}`);
  }

  network(online) {
    this.#tell('network', { online });
  }

  transform(direction, name) {
    this.#tell('transform', { direction, name });
  }

  discard() {
    this.#tell('discard');
    program.forget(this.number);
  }

  hear({ event, args, at, id, failed }) {
    if (event !== undefined) this.trace.add(event, args, at);
    else if (id !== undefined) this.#ids.shift()(id);
    else this.trace.add('failed', [failed], performance.now());
  }

  #tell(what, more) {
    program.tell({ do: what, client: this.number, ...more });
  }
}

async function create(url, options) {
  return new InRust(url, options);
}

module.exports = {
  name: 'rust',
  create,
  stop: () => program.stop(),
  /** Has the program say how many milliseconds it stood still, when it did. */
  onStall: (listener) => program.onStall(listener),
};
