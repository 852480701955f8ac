// The connection of the dashboard: a client of Primus, and questions that are answered.

const ANSWER_MS_MAX = 20_000;

/**
 * Calls `on.told` with whatever the server says, by its kind, and `on.state` with how the
 * connection is: a state, its name, and a detail.
 */
export class Live {
  #on;
  #primus = null;
  #questions = new Map();
  #number = 0;

  constructor(on) {
    this.#on = on;
  }

  async start() {
    try {
      const { Primus } = await import('/admin/primus/primus.mjs');
      this.#connect(Primus);
    } catch {
      this.#on.state('failed', 'Not reachable', 'The server does not answer. Reload to try again.');
    }
  }

  /** Asks something. Resolves with the answer; rejects if there is none. */
  ask(question) {
    this.#number += 1;
    const n = this.#number;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#settle(n, null), ANSWER_MS_MAX);
      this.#questions.set(n, { resolve, reject, late });
      if (!this.#primus?.write({ n, ...question })) this.#settle(n, null);
    });
  }

  #connect(Primus) {
    const primus = new Primus(`${location.origin}/`, { queueSize: 100 });
    this.#primus = primus;
    primus.on('open', () => this.#on.state('open', 'Live', ''));
    primus.on('data', (told) => this.#hear(told));
    primus.on('close', () => this.#forget());
    primus.on('offline', () => this.#on.state('failed', 'Offline', 'Waiting for the network'));
    primus.on('reconnect scheduled', ({ attempt, scheduled }) => {
      const seconds = Math.max(1, Math.round(scheduled / 1000));
      this.#on.state('recovering', 'Reconnecting', `Attempt ${attempt}, in ${seconds} s`);
      if (attempt > 1) this.#lookWhetherLoggedIn();
    });
    primus.on('reconnect failed', () => this.#ended());
    primus.on('end', () => this.#ended());
  }

  #hear(told) {
    if (told.t === 'answer') return this.#settle(told.n, told);
    return this.#on.told[told.t]?.(told);
  }

  #settle(n, answer) {
    const question = this.#questions.get(n);
    if (!question) return;
    this.#questions.delete(n);
    clearTimeout(question.late);
    if (answer) question.resolve(answer);
    else question.reject(new Error('The server did not answer. Please try again.'));
  }

  #forget() {
    for (const n of [...this.#questions.keys()]) this.#settle(n, null);
  }

  async #ended() {
    this.#forget();
    await this.#lookWhetherLoggedIn();
    this.#on.state('failed', 'Disconnected', 'Reload to try again.');
  }

  /** Whose session is over gets the page on which people log in. */
  async #lookWhetherLoggedIn() {
    const answer = await fetch('session', { cache: 'no-store' }).catch(() => null);
    if (answer?.status === 401) location.assign('login');
  }
}
