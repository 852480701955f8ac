// Timers that are known by their names, as `primus.timers` (npm tick-tock).

export class Timers {
  #running = new Map();

  constructor(context) {
    this.context = context;
  }

  // A name that is running already gets one more function and keeps its time.
  setTimeout(name, fn, time) {
    const running = this.#running.get(name);
    if (running) {
      running.fns.push(fn);
      return this;
    }
    const fns = [fn];
    const fire = () => {
      this.#running.delete(name);
      for (const each of fns) each.call(this.context);
    };
    const delay_ms = Math.min(milliseconds(time), TIMEOUT_MS_MAX);
    this.#running.set(name, { fns, id: setTimeout(fire, delay_ms) });
    return this;
  }

  active(name) {
    return this.#running.has(name);
  }

  // Without names all timers are cleared.
  clear(...names) {
    for (const name of names.length ? names : [...this.#running.keys()]) {
      clearTimeout(this.#running.get(name)?.id);
      this.#running.delete(name);
    }
    return this;
  }

  destroy() {
    this.clear();
  }
}

// A time in milliseconds from a number or from a text such as `30 seconds` (npm millisecond). What
// it does not understand is 0, as there.
export const milliseconds = (time) => {
  if (typeof time === 'number') return time;
  if (+time && typeof time === 'string') return +time;
  const [, amount, unit] = /^(\d*\.?\d+) *([a-z]*)$/i.exec(time) ?? [];
  const factor_ms = /^(ms|mil|$)/i.test(unit) ? 1 : UNITS_MS[unit?.[0].toLowerCase()];
  return amount * factor_ms || 0;
};

// What a browser's clock can hold. It takes anything beyond, Infinity too, for no delay at all.
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const UNITS_MS = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5, y: 31536e6 };
