// The back-off: its schedule, its bounds and its distribution.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Recovery } from '../src/recovery.js';

const SCHEDULES = 10_000;

// The delays of one procedure in which every attempt fails, on a clock that does not make it wait.
const schedule = (options) => {
  const { setTimeout } = globalThis;
  const due = [];
  globalThis.setTimeout = (fn) => void due.push(fn);
  const recovery = new Recovery(options);
  const delays = [];
  recovery.on('reconnect scheduled', ({ scheduled }) => delays.push(scheduled));
  recovery.on('reconnect', (attempt, done) => done(new Error('refused')));
  recovery.reconnect();
  while (due.length) due.shift()();
  globalThis.setTimeout = setTimeout;
  return delays;
};

test('10,000 schedules keep their bounds, and their mean', () => {
  const schedules = Array.from({ length: SCHEDULES }, () => schedule());
  for (const delays of schedules) assert.equal(delays.length, 10);
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    const delays = schedules.map((each) => each[attempt - 1]);
    const least = attempt === 1 ? 500 : 500 * 2 ** (attempt - 1);
    const most = attempt === 1 ? 500 : 2 * least;
    for (const delay of delays) assert.ok(delay >= least && delay <= most && delay % 1 === 0);
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / SCHEDULES;
    // Six standard errors of the mean of a uniform distribution: one failure in 10^9 runs.
    const tolerance = (6 * (most - least)) / Math.sqrt(12 * SCHEDULES) + 1;
    assert.ok(Math.abs(mean - (least + most) / 2) <= tolerance, `${attempt}: ${mean}`);
  }
});

test('max, min, factor and retries', () => {
  mock.method(Math, 'random', () => 0.5);
  assert.deepEqual(schedule({ min: 7, max: 100, factor: 3, retries: 4 }), [7, 32, 95, 100]);
  assert.deepEqual(schedule({ retries: 0 }), []);
  mock.restoreAll();
});

test('the attempt tells its story', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1000 });
  const recovery = new Recovery({ min: 10, retries: 3, 'reconnect timeout': 50 });
  const story = [];
  const tell = (event) => (...args) => story.push([event, structuredClone(args.at(-1))]);
  for (const event of ['reconnect scheduled', 'reconnect timeout', 'reconnected']) {
    recovery.on(event, tell(event));
  }
  recovery.reconnect().reconnect();
  mock.timers.tick(10);
  mock.timers.tick(50);
  mock.timers.tick(40);
  recovery.reconnected();
  const [scheduled, timedOut, , reconnected] = story;
  assert.deepEqual(scheduled, [
    'reconnect scheduled',
    {
      'reconnect timeout': 50,
      retries: 3,
      factor: 2,
      max: Infinity,
      min: 10,
      start: 1000,
      duration: 0,
      attempt: 1,
      backoff: true,
      scheduled: 10,
    },
  ]);
  assert.deepEqual([timedOut[0], timedOut[1].duration], ['reconnect timeout', 60]);
  assert.deepEqual([reconnected[0], reconnected[1].duration], ['reconnected', 100]);
  assert.equal(reconnected[1].attempt, 2);
  assert.equal(recovery.reconnecting(), false);
  mock.timers.reset();
});

test('no delay is longer than a clock can hold', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const recovery = new Recovery({ min: Infinity });
  let tried = false;
  recovery.on('reconnect', () => (tried = true));
  recovery.reconnect();
  mock.timers.tick(86_400_000);
  assert.equal(tried, false);
  mock.timers.reset();
});
