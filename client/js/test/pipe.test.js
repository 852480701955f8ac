// Piping, with the streams of Node.js.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import { openClient } from './support/fake.js';

const collector = () => {
  const chunks = [];
  const write = (chunk, encoding, done) => done(null, chunks.push(chunk));
  return { chunks, stream: new Writable({ objectMode: true, write }) };
};

test('a readable stream is written to the server, and its end is the end', async () => {
  const { primus, last } = openClient({ pingTimeout: false });
  const ended = once(primus, 'end');
  Readable.from(['one', { two: 2 }, 'three']).pipe(primus);
  await ended;
  assert.deepEqual(last().sent, ['"one"', '{"two":2}', '"three"']);
  assert.equal(last().closed, true);
});

test('messages are written to a writable stream, which ends with the connection', async () => {
  const { primus, link } = openClient({ pingTimeout: false });
  const { chunks, stream } = collector();
  const finished = once(stream, 'finish');
  assert.equal(primus.pipe(stream), stream);
  link().received('"one"');
  link().received('{"two":2}');
  primus.end();
  await finished;
  assert.deepEqual(chunks, ['one', { two: 2 }]);
});

test('a connection that comes back is the same stream', async () => {
  const { primus, link } = openClient({ pingTimeout: false, reconnect: { min: 1 } });
  const { chunks, stream } = collector();
  primus.pipe(stream);
  link().received('1');
  const reconnect = once(primus, 'reconnect');
  link().ended();
  await reconnect;
  link().opened();
  link().received('2');
  await turn();
  assert.deepEqual(chunks, [1, 2]);
  assert.equal(stream.destroyed || stream.writableEnded, false);
  primus.destroy();
});

test('a pipe ends with its target, and leaves it open if asked to', async () => {
  const { primus, link } = openClient({ pingTimeout: false });
  const first = collector();
  const second = collector();
  primus.pipe(first.stream);
  primus.pipe(second.stream, { end: false });
  first.stream.destroy();
  await once(first.stream, 'close');
  link().received('1');
  primus.end();
  await turn();
  assert.deepEqual(first.chunks, []);
  assert.deepEqual(second.chunks, [1]);
  assert.equal(second.stream.writableEnded, false);
});

test('a client can be piped into a client', () => {
  const source = openClient({ pingTimeout: false });
  const target = openClient({ pingTimeout: false });
  source.primus.pipe(target.primus);
  source.link().received('"through"');
  assert.deepEqual(target.last().sent, ['"through"']);
});
