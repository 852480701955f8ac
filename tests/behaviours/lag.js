// How long the processes of a test stood still lately, because the machine was busy with something
// else. What was timed meanwhile says nothing.
'use strict';

const TICK_MS = 10;

class Lag {
  #last = performance.now();
  #stalls = [];
  #ticker = setInterval(() => this.#tick(), TICK_MS);

  /** Another process says that it stood still. */
  add(ms) {
    this.#stalls.push({ until: performance.now(), ms });
  }

  /** All standstills together since a moment of `performance.now()`. */
  since(moment) {
    this.#tick();
    const stalls = this.#stalls.filter(({ until }) => until >= moment);
    return stalls.reduce((sum, { ms }) => sum + ms, 0);
  }

  stop() {
    clearInterval(this.#ticker);
  }

  #tick() {
    const now = performance.now();
    const ms = now - this.#last - TICK_MS;
    this.#last = now;
    if (ms > TICK_MS) this.add(ms);
  }
}

module.exports = { Lag };
