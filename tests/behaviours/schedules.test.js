// When clients come back: ten thousand procedures of each client, attempt by attempt, against the
// algorithm of Primus. Attempt 1 comes after exactly `min`; attempt n > 1 after
// `min((1 + random) * min * factor^(n - 1), max)`, with `random` uniform from 0 to 1.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { randomInt } = require('node:crypto');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { binary } = require('../interop/server');

const SCHEDULES = 10_000;
const SCHEDULES_CAPPED = 1_000;
const DEFAULTS = { min: 500, max: Infinity, retries: 10, factor: 2 };
const CAPPED = { min: 100, max: 2_000, retries: 8, factor: 3 };

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

// The bounds of the statistics are such that a right client is found wrong once in a million runs.
const DEVIATIONS_MAX = 5;
const KOLMOGOROV_MAX = 2.7;

const CLIENTS = {
  npm: (...asked) => schedulesOf(require('./clients/npm'), ...asked),
  javascript: (...asked) => schedulesOf(require('./clients/javascript'), ...asked),
  rust: (...asked) => schedulesInRust(...asked),
};

for (const [name, ask] of Object.entries(CLIENTS)) {
  test(`the schedules of ${name} are those of the algorithm`, async () => {
    const schedules = await ask(SCHEDULES, DEFAULTS);
    assert.equal(schedules.length, SCHEDULES);
    assertShape(schedules, DEFAULTS);
    for (let attempt = 2; attempt <= DEFAULTS.retries; attempt += 1) {
      assertUniform(chances(schedules, attempt, DEFAULTS), `attempt ${attempt}`);
    }
    assertIndependent(chances(schedules, 2, DEFAULTS), chances(schedules, 3, DEFAULTS));
  });

  test(`the schedules of ${name} keep to their maximum`, async () => {
    const schedules = await ask(SCHEDULES_CAPPED, CAPPED);
    assertShape(schedules, CAPPED);
    assert.ok(schedules.every((delays) => delays.at(-1) === CAPPED.max));
  });
}

/** As many attempts as retries, the first after `min`, all within their bounds. */
function assertShape(schedules, { min, max, retries, factor }) {
  for (const delays of schedules) {
    assert.equal(delays.length, retries);
    assert.equal(delays[0], min);
    delays.slice(1).forEach((delay, index) => {
      const base = min * factor ** (index + 1);
      assert.ok(delay >= Math.min(base, max), `${delay} is before ${base}`);
      assert.ok(delay <= Math.min(2 * base, max), `${delay} is after ${2 * base}`);
    });
  }
}

/** What `random` was at an attempt. */
function chances(schedules, attempt, { min, factor }) {
  const base = min * factor ** (attempt - 1);
  return schedules.map((delays) => delays[attempt - 1] / base - 1);
}

/** The mean of chances, and the Kolmogorov-Smirnov test of their distribution. */
function assertUniform(values, what) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const deviations = Math.abs(mean - 0.5) * Math.sqrt(12 * count);
  assert.ok(deviations < DEVIATIONS_MAX, `${what}: the mean is ${mean}`);
  const sorted = Float64Array.from(values).sort();
  const distance = sorted.reduce((most, value, index) => {
    return Math.max(most, value - index / count, (index + 1) / count - value);
  }, 0);
  assert.ok(distance * Math.sqrt(count) < KOLMOGOROV_MAX, `${what}: ${distance} from uniform`);
}

/** Two attempts of one procedure have nothing to do with each other. */
function assertIndependent(some, others) {
  const products = some.map((value, index) => 12 * (value - 0.5) * (others[index] - 0.5));
  const correlation = products.reduce((sum, product) => sum + product, 0) / products.length;
  const deviations = Math.abs(correlation) * Math.sqrt(products.length);
  assert.ok(deviations < DEVIATIONS_MAX, `the attempts correlate: ${correlation}`);
}

/** The procedures of a client in JavaScript, in no time. */
async function schedulesOf(clients, count, options) {
  const timers = new Timers();
  const Recovery = await timers.during(() => clients.recovery());
  return timers.during(() => {
    return Array.from({ length: count }, () => schedule(Recovery, options, timers));
  });
}

/** Those of the client in Rust, whose seed is printed if they are wrong. */
async function schedulesInRust(count, options) {
  const seed = randomInt(2 ** 47);
  console.log(`seed ${seed}`);
  const finite = Object.entries(options).filter(([, value]) => value !== Infinity);
  const flags = Object.entries({ count, seed, ...Object.fromEntries(finite) });
  const args = ['schedules', ...flags.flatMap(([name, value]) => [`--${name}`, String(value)])];
  const clients = binary('ALLSPARK_CLIENTS_BIN', 'examples/clients');
  const { stdout } = await promisify(execFile)(clients, args, { maxBuffer: OUTPUT_BYTES_MAX });
  return JSON.parse(stdout);
}

/** The delays of one procedure in which every attempt fails. */
function schedule(Recovery, options, timers) {
  const recovery = new Recovery(options);
  const delays = [];
  recovery.on('reconnect scheduled', ({ scheduled }) => delays.push(scheduled));
  recovery.on('reconnect', (attempt, done) => {
    assert.equal(timers.lastDelay, attempt.scheduled, 'the timer is not the one that was told');
    done(new Error('refused'));
  });
  let failures = 0;
  recovery.on('reconnect failed', () => { failures += 1; });
  recovery.reconnect();
  timers.run();
  assert.equal(failures, 1);
  return delays;
}

/** Timers that fire one after the other, without waiting. */
class Timers {
  #pending = new Map();
  #ids = 0;
  lastDelay;

  /** Has `fn` find these timers where it looks for those of the system. */
  async during(fn) {
    const { setTimeout, clearTimeout } = globalThis;
    globalThis.setTimeout = (...args) => this.#set(...args);
    globalThis.clearTimeout = (id) => this.#pending.delete(id);
    try {
      return await fn();
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    }
  }

  run() {
    for (const [id, { fn, delay }] of this.#pending) {
      this.#pending.delete(id);
      this.lastDelay = delay;
      fn();
    }
  }

  #set(fn, delay) {
    this.#ids += 1;
    this.#pending.set(this.#ids, { fn, delay });
    return this.#ids;
  }
}
