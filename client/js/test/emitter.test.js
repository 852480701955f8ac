// Events, as eventemitter3 has them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Emitter } from '../src/emitter.js';

test('listeners are called in order, with their context and all arguments', () => {
  const emitter = new Emitter();
  const seen = [];
  const context = {};
  emitter
    .on('event', function first(...args) {
      seen.push([this === emitter, args]);
    })
    .addListener(
      'event',
      function second() {
        seen.push(this === context);
      },
      context,
    );
  assert.equal(emitter.emit('event', 1, 2, 3, 4, 5, 6), true);
  assert.deepEqual(seen, [[true, [1, 2, 3, 4, 5, 6]], true]);
  assert.equal(emitter.emit('other'), false);
  assert.throws(() => emitter.on('event', 'no function'), TypeError);
});

test('once is once, even if it causes itself', () => {
  const emitter = new Emitter();
  const seen = [];
  emitter.once('event', () => {
    seen.push('a');
    emitter.emit('event');
  });
  emitter.once('event', () => seen.push('b'));
  emitter.emit('event');
  assert.equal(emitter.emit('event'), false);
  assert.deepEqual(seen, ['a', 'b']);
});

test('listeners that come and go count from the next time on', () => {
  const emitter = new Emitter();
  const seen = [];
  const late = () => seen.push('late');
  const second = () => seen.push('second');
  emitter.on('event', () => {
    emitter.off('event', second);
    emitter.on('event', late);
  });
  emitter.on('event', second);
  emitter.emit('event');
  assert.deepEqual(seen, ['second']);
  emitter.emit('event');
  assert.deepEqual(seen, ['second', 'late']);
});

test('listeners are removed by function, context, once, event, or all', () => {
  const emitter = new Emitter();
  const [one, two, context] = [() => {}, () => {}, {}];
  const count = () => emitter.listenerCount('event');
  emitter.on('event', one).on('event', one, context).once('event', one).on('event', two);
  emitter.removeListener('event', one, context);
  assert.equal(count(), 3);
  emitter.removeListener('event', one, undefined, true);
  assert.deepEqual(emitter.listeners('event'), [one, two]);
  emitter.removeListener('event');
  assert.equal(count(), 0);
  emitter.on('event', one).on('other', two);
  assert.deepEqual(emitter.eventNames(), ['event', 'other']);
  emitter.removeAllListeners('event').removeAllListeners();
  assert.deepEqual(emitter.eventNames(), []);
});

test('it can be inherited in the old way and in the new', () => {
  function Old() {
    Emitter.call(this);
  }
  Object.setPrototypeOf(Old.prototype, Emitter.prototype);
  class New extends Emitter {}
  const [first, second] = [new Old(), new Old()];
  first.on('event', () => {});
  assert.equal(first.emit('event'), true);
  assert.equal(second.emit('event'), false);
  assert.ok(new New() instanceof Emitter);
  assert.equal(new Emitter().constructor, Emitter);
});
