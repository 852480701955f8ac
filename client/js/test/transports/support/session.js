// A connection as a transport's link sees it, with everything that happened to it.

import assert from 'node:assert/strict';
import { atEnd } from './cleanup.js';

// Machines that do much else at the same time.
const PATIENCE_MS = 60_000;

export class Session {
  // Names of events, but for `received`.
  events = [];
  packets = [];
  error;
  // What came after the end, or after `close`.
  late = [];
  #isDeaf = false;
  #wake = () => {};

  constructor(t, transport, port, options = {}) {
    const uri = ({ protocol, query }) =>
      `${protocol}//127.0.0.1:${port}/primus${query ? '?who=a%20b&_primuscb=x.1' : ''}`;
    const hears = (name) => (value) => this.#hear(name, value);
    this.connection = transport({
      uri,
      options,
      opened: hears('opened'),
      received: hears('received'),
      failed: hears('failed'),
      ended: hears('ended'),
    });
    atEnd(t, () => this.#leave());
  }

  send(packet) {
    this.connection.send(packet);
  }

  close() {
    this.#isDeaf = true;
    this.connection.close();
  }

  opened() {
    return this.until(() => this.events.includes('opened'), 'opened');
  }

  ended() {
    return this.until(() => this.events.includes('ended'), 'ended');
  }

  // Resolves with so many packets, which are then taken.
  async take(count) {
    await this.until(() => this.packets.length >= count, `${count} packets`);
    return this.packets.splice(0, count);
  }

  // Sends packets and checks that they come back in order.
  async echo(...packets) {
    for (const packet of packets) this.send(packet);
    const received = await this.take(packets.length);
    assert.equal(received.length, packets.length);
    received.forEach((packet, index) => assertSame(packet, packets[index]));
  }

  async until(isSo, what) {
    const limit = Date.now() + PATIENCE_MS;
    while (!isSo()) {
      const left = limit - Date.now();
      const seen = `events ${this.events}, ${this.packets.length} packets, ${this.error}`;
      if (left <= 0) throw new Error(`not within ${PATIENCE_MS} ms: ${what} (${seen})`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  // Waits for the end, but not for long: no transport has to report one that was asked for.
  async #leave() {
    const isOver = () => this.events.includes('ended') || this.late.includes('ended');
    this.close();
    for (let round = 0; round < 100 && !isOver(); round += 1) await sleep(10);
  }

  #hear(name, value) {
    if (this.#isDeaf || this.events.includes('ended')) {
      this.late.push(name);
    } else if (name === 'received') {
      this.packets.push(value);
    } else {
      this.events.push(name);
      if (name === 'failed') this.error = value;
    }
    this.#wake();
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Resolves once this is so.
export const eventually = async (isSo, what) => {
  const limit = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > limit) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(5);
  }
};

const assertSame = (actual, expected) => {
  if (typeof expected === 'string') {
    // A difference in a megabyte is not printed.
    if (actual !== expected) assert.equal(short(actual), short(expected));
    assert.equal(typeof actual, 'string');
    return;
  }
  assert.ok(actual instanceof ArrayBuffer, `bytes came as ${typeof actual}`);
  assert.ok(Buffer.from(actual).equals(Buffer.from(expected)), 'other bytes came back');
};

const short = (value) => `${typeof value} of ${value.length}: ${value.slice(0, 40)}`;
