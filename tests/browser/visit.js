// Runs in the page: clients of our own library, with a record of everything that happens to them.

const EVENTS = [
  'open', 'close', 'end', 'error', 'timeout', 'offline', 'online', 'reconnect scheduled',
  'reconnect', 'reconnected', 'reconnect timeout', 'reconnect failed',
];

/** A client that is opening. */
export class Visit {
  /** The names of events, in order. */
  events = [];
  messages = [];
  #wakes = new Set();

  constructor(Primus, url, options) {
    this.primus = new Primus(url, options);
    for (const name of EVENTS) {
      this.primus.on(name, (first) => {
        this.events.push(first instanceof Error ? `${name}: ${first.message}` : name);
        this.#changed();
      });
    }
    this.primus.on('data', (message) => {
      this.messages.push(message);
      this.#changed();
    });
  }

  /** Resolves with all events so far once this one has come `count` times. */
  async saw(name, count = 1) {
    await this.#until(() => this.events.filter((event) => event === name).length >= count);
    return this.events;
  }

  /** Writes the values one after another and resolves with as many that come back. */
  async echo(values) {
    this.messages.length = 0;
    for (const value of values) this.primus.write(value);
    await this.#until(() => this.messages.length >= values.length);
    return this.messages;
  }

  async #until(isSo) {
    while (!isSo()) await new Promise((resolve) => this.#wakes.add(resolve));
  }

  #changed() {
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }
}

/** Names of what the page's policy does not let it do. */
export const forbidden = [];
try {
  new Function('');
} catch (error) {
  forbidden.push(error.name);
}
