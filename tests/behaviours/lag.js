// How long this process stood still lately, because the machine was busy with something else. What
// was timed meanwhile says nothing.
'use strict';

const TICK_MS = 10;

class Lag {
  #last = performance.now();
  #stalls = [];
  #ticker = setInterval(() => this.#tick(), TICK_MS);

  /** The longest standstill since a moment of `performance.now()`. */
  since(moment) {
    this.#tick();
    const stalls = this.#stalls.filter(({ until }) => until >= moment);
    return Math.max(0, ...stalls.map(({ ms }) => ms));
  }

  stop() {
    clearInterval(this.#ticker);
  }

  #tick() {
    const now = performance.now();
    const ms = now - this.#last - TICK_MS;
    this.#last = now;
    if (ms > TICK_MS) this.#stalls.push({ until: now, ms });
  }
}

module.exports = { Lag };
