// What holds for every trace, whatever happened in it: the arguments of each event, and the
// times and numbers of the attempts to reconnect.
'use strict';

const assert = require('node:assert/strict');

const ERROR = { message: /^/ };
const ATTEMPT = {
  attempt: isCount,
  retries: isCount,
  scheduled: isCount,
  min: isCount,
  max: (value) => value === null || value === Infinity || isCount(value),
  factor: (value) => value > 0,
  start: (value) => value > 1.6e12,
  duration: isTime,
  'reconnect timeout': isCount,
};

/** By event: what its arguments look like. */
const ARGUMENTS = {
  'close': [],
  'data': [() => true, (raw) => raw !== undefined],
  'destroy': [],
  'end': [],
  'error': [ERROR],
  'offline': [],
  'online': [],
  'open': [],
  'readyStateChange': [(state) => ['opening', 'open', 'end'].includes(state)],
  // The function by which a listener could say how the attempt went.
  'reconnect': [ATTEMPT, isFunction],
  'reconnect failed': [{ message: 'Unable to recover' }, ATTEMPT],
  'reconnect scheduled': [ATTEMPT],
  'reconnect timeout': [{ message: 'Failed to reconnect in a timely manner' }, ATTEMPT],
  'reconnected': [ATTEMPT],
  'timeout': [],
};

/** Asserts all of it. A client that is a program of its own cannot tell of functions. */
function assertInvariants(trace, { client }) {
  for (const entry of trace.entries) assertArguments(entry, client !== 'rust');
  assertStates(trace);
  assertAttempts(trace);
}

function assertArguments({ event, args }, hasFunctions) {
  if (!(event in ARGUMENTS)) return;
  const due = ARGUMENTS[event].filter((shape) => hasFunctions || shape !== isFunction);
  assert.equal(args.length, due.length, `arguments of '${event}': ${JSON.stringify(args)}`);
  due.forEach((shape, index) => assertShape(args[index], shape, event));
}

function assertShape(value, shape, event) {
  if (typeof shape === 'function') {
    return assert.ok(shape(value), `'${event}': ${JSON.stringify(value)} against ${shape}`);
  }
  if (typeof shape !== 'object') return assert.equal(value, shape, event);
  if (shape instanceof RegExp) return assert.match(String(value), shape);
  for (const [name, part] of Object.entries(shape)) {
    assert.ok(Object.hasOwn(value, name), `'${event}': no ${name} in ${JSON.stringify(value)}`);
    assertShape(value[name], part, `${event}: ${name}`);
  }
}

/** A change is one: no state comes twice in a row. */
function assertStates(trace) {
  const states = trace.entries.filter(({ event }) => event === 'readyStateChange');
  states.forEach(({ args: [state] }, index) => {
    assert.notEqual(state, states[index - 1]?.args[0], `a change of state that is none: ${trace}`);
  });
}

/** The algorithm of Primus, attempt by attempt. */
function assertAttempts(trace) {
  let scheduled = null;
  for (const entry of trace.entries) {
    const [attempt] = entry.args;
    if (entry.event === 'reconnect scheduled') {
      scheduled = entry;
      assertDelay(attempt);
    } else if (entry.event === 'reconnect') {
      const due = scheduled?.args[0];
      assert.equal(attempt.attempt, due?.attempt, `an attempt out of turn: ${trace}`);
      trace.assertPassed(scheduled, entry, due.scheduled);
    }
  }
}

function assertDelay({ attempt, scheduled, min, max, factor }) {
  if (attempt === 1) return assert.equal(scheduled, min);
  const highest = max ?? Infinity;
  const base = min * factor ** (attempt - 1);
  const [earliest, latest] = [Math.min(base, highest), Math.min(2 * base, highest)];
  const isWithin = scheduled >= earliest && scheduled <= latest;
  assert.ok(isWithin, `attempt ${attempt}: ${scheduled} not in ${earliest} to ${latest}`);
}

function isFunction(value) {
  return value === '(function)';
}

/** JavaScript counts whole milliseconds, Rust finer ones. */
function isTime(value) {
  return Number.isFinite(value) && value >= 0;
}

function isCount(value) {
  return Number.isInteger(value) && value >= 0;
}

module.exports = { assertInvariants };
