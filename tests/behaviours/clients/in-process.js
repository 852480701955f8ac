// A client in JavaScript, ours or the one from npm, as the scenarios drive it.
'use strict';

const { types } = require('node:util');

const { Trace } = require('../trace');

/** Every public event of the client, as its README lists them. */
const EVENTS = [
  'close', 'data', 'destroy', 'end', 'error', 'offline', 'online', 'open', 'readyStateChange',
  'reconnect', 'reconnect failed', 'reconnect scheduled', 'reconnect timeout', 'reconnected',
  'timeout',
];

/** Those through which the parts of a client talk to each other. */
const INSIDE_EVENTS = [
  'incoming::data', 'incoming::end', 'incoming::error', 'incoming::open', 'incoming::ping',
  'outgoing::data', 'outgoing::end', 'outgoing::open', 'outgoing::pong', 'outgoing::reconnect',
  'outgoing::url',
];

class InProcess {
  trace = new Trace();

  /**
   * Records the public events, but not the `silent` ones, and with `inside` all the others. If the
   * client heeds network events, `host` is the EventTarget on which they happen.
   */
  constructor(primus, { silent = [], inside = false, host } = {}) {
    this.primus = primus;
    this.host = host;
    const events = [...EVENTS, ...inside ? INSIDE_EVENTS : []];
    for (const event of events) {
      if (!silent.includes(event)) this.#record(event);
    }
  }

  #record(event) {
    this.primus.on(event, (...args) => {
      // First, because the first copy of an argument takes some milliseconds.
      const at = turnMs();
      this.trace.add(event, args.map(plain), at);
    });
  }

  open() {
    this.primus.open();
  }

  write(value) {
    return this.primus.write(value);
  }

  end(...data) {
    this.primus.end(...data);
  }

  destroy() {
    return this.primus.destroy();
  }

  id() {
    return new Promise((resolve) => this.primus.id(resolve));
  }

  /** Has the host say that its network came or went. */
  network(isOnline) {
    this.host.dispatchEvent(new Event(isOnline ? 'online' : 'offline'));
  }

  /** A transform that is named in `TRANSFORMS`. */
  transform(direction, name) {
    this.primus.transform(direction, TRANSFORMS[name]);
  }

  /** Puts it away, whatever it was doing. */
  discard() {
    if (this.primus.options === null) return;
    this.primus.end();
    // In the middle of an attempt to reconnect, the end is none to the attempts that come after it.
    this.primus.recovery.reset();
  }
}

/** This moment, in milliseconds, by the clock that timers count from. */
function turnMs() {
  const timer = setTimeout(() => {}, 1);
  clearTimeout(timer);
  return timer._idleStart;
}

/** Transforms that mind nothing but numbers, as such or in `{ value }`. */
const TRANSFORMS = {
  drop: (packet) => !isNumber(packet.data),
  change: (packet) => {
    if (!isNumber(packet.data)) return;
    if (typeof packet.data === 'number') packet.data += 100;
    else packet.data.value += 100;
  },
  fail: (packet, next) => next(isNumber(packet.data) ? new Error('no numbers') : undefined),
};

const isNumber = (data) => typeof (data?.value ?? data) === 'number';

/**
 * An argument of an event as it was then, because the client goes on with the same object: errors
 * by their message, functions by that they are one.
 */
function plain(value) {
  if (value instanceof Error || types.isNativeError(value)) return { message: value.message };
  if (typeof value === 'function') return '(function)';
  return structuredClone(value);
}

module.exports = { InProcess };
