// What was heard of a client, and how it is compared with what is due.
'use strict';

const assert = require('node:assert/strict');

const { within } = require('../interop/server');

// A machine that is busy with something else is no failure.
const EVENT_MS_MAX = 20_000;
// A timer counts whole milliseconds, and so may be early by one.
const EARLY_MS_MAX = 1;

/**
 * The events of one client, in order: `{ event, args, at }`, with `at` in milliseconds by the clock
 * of the client's process.
 */
class Trace {
  entries = [];
  #waiting = new Set();
  #earlyMsMax;

  /** `earlyMsMax`: by how much less than what has passed the times of two events may differ. */
  constructor(earlyMsMax = EARLY_MS_MAX) {
    this.#earlyMsMax = earlyMsMax;
  }

  add(event, args, at) {
    const entry = { event, args, at, label: label(event, args) };
    this.entries.push(entry);
    for (const waiter of this.#waiting) waiter();
  }

  get labels() {
    return this.entries.map((entry) => entry.label);
  }

  /** The entries of one event. */
  all(wanted) {
    return this.entries.filter((entry) => entry.label === wanted);
  }

  first(wanted) {
    const entry = this.entries.find((each) => each.label === wanted);
    assert.ok(entry, `no '${wanted}' in ${this}`);
    return entry;
  }

  /** The values of the `data` events. */
  get data() {
    return this.all('data').map(({ args }) => args[0]);
  }

  /** Resolves with the event once it has come `count` times. */
  async wait(wanted, count = 1) {
    await this.until(() => this.all(wanted).length >= count, `'${wanted}' ${count} times`);
    return this.all(wanted)[count - 1];
  }

  /** Resolves once what came makes `isDone` true. */
  async until(isDone, what = String(isDone), msMax = EVENT_MS_MAX) {
    let waiter;
    const come = new Promise((resolve) => {
      waiter = () => { if (isDone()) resolve(); };
      this.#waiting.add(waiter);
      waiter();
    });
    try {
      await within(msMax, come, () => `${what}: ${this}`);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  /** Asserts that from the one event to the next of the other kind it took so long at least. */
  assertBetween(from, to, ms) {
    const start = this.entries.findIndex((entry) => entry.label === from);
    const end = this.entries.slice(start).find((entry) => entry.label === to);
    assert.ok(start >= 0 && end, `no '${from}' and '${to}' in ${this}`);
    this.assertPassed(this.entries[start], end, ms);
  }

  /** The same for two entries. */
  assertPassed(from, to, ms) {
    const passed = to.at - from.at;
    const what = `'${to.label}' ${passed} ms after '${from.label}'`;
    assert.ok(passed >= ms - this.#earlyMsMax, `${what}, not ${ms}: ${this}`);
  }

  /** Whether exactly these events came, in this order. */
  is(expected) {
    return pattern(expected).test(this.labels.map((each) => `<${each}>`).join(''));
  }

  assertIs(expected) {
    if (this.is(expected)) return;
    assert.fail(`the events were\n  ${this}\nand not\n  ${expected.map(readable).join(', ')}`);
  }

  toString() {
    return this.labels.join(', ') || 'nothing';
  }
}

/** States are told apart from the events of the same names. */
function label(event, args) {
  return event === 'readyStateChange' ? `state:${args[0]}` : event;
}

// Among expected events: these once or more often, these or nothing, these where a quirk of that
// name is (differences.js).
const some = (...labels) => ({ labels, times: '+' });
const maybe = (...labels) => ({ labels, times: '?' });
const quirk = (name) => ({ quirk: name });

function pattern(expected) {
  return new RegExp(`^${expected.map(part).join('')}$`);
}

function part(expected) {
  if (typeof expected === 'string') return `<${expected}>`;
  return `(?:${expected.labels.map(part).join('')})${expected.times}`;
}

function readable(expected) {
  if (typeof expected === 'string') return expected;
  return `(${expected.labels.join(', ')})${expected.times}`;
}

module.exports = { Trace, maybe, quirk, some };
