// What every transport owes its link, on every carrier, against every server.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { carriers } from './support/carriers.js';
import { kinds, startEcho } from './support/servers.js';
import { Session, eventually, sleep } from './support/session.js';

const MEBIBYTE = 1024 * 1024;
const VALUES = ['a', '', '"', '\u2028\u2029\u0000', 'é😀', '%41%', '\ufeffb', '[1]', 'b+&=#'];

const connect = async (t, carrier, options) => {
  const server = await startEcho(t, { transformer: carrier.transformer, ...options });
  const session = new Session(t, carrier.transport, server.port, carrier.options);
  return { server, session };
};

const owed = (kind, carrier) => {

  test('values are echoed as they are', async (t) => {
    const { session } = await connect(t, carrier, { kind });
    await session.opened();
    // npm Primus drops empty packets and escapes some characters of others, whatever the parser.
    if (kind === 'allspark') await session.echo(...VALUES);
    for (const value of VALUES) session.send(JSON.stringify(value));
    const received = await session.take(VALUES.length);
    assert.deepEqual(received.map((packet) => JSON.parse(packet)), VALUES);
    await session.echo('😀'.repeat(MEBIBYTE / 4), 'x'.repeat(MEBIBYTE));
    assert.deepEqual(session.events, ['opened']);
  });

  test('10,000 messages keep their order, both ways', async (t) => {
    const { session } = await connect(t, carrier, { kind });
    await session.opened();
    await session.echo(...Array.from({ length: 10_000 }, (_, index) => `message ${index}`));
    for (let index = 0; index < 20; index += 1) {
      await session.echo(`alone ${index}`);
    }
    assert.equal(session.packets.length, 0);
  });

  test('bytes are echoed as bytes', { skip: !carrier.hasBytes }, async (t) => {
    const { session } = await connect(t, carrier, { kind });
    await session.opened();
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) & 255);
    await session.echo(bytes.buffer, new Uint8Array(0));
    session.send(bytes.subarray(3, 8));
    session.send(new DataView(bytes.buffer, 1, 2));
    const [part, view] = await session.take(2);
    assert.deepEqual([...new Uint8Array(part)], [21, 28, 35, 42, 49]);
    assert.deepEqual([...new Uint8Array(view)], [7, 14]);
  });

  test('the server ends the session', async (t) => {
    const { server, session } = await connect(t, carrier, { kind });
    await session.opened();
    await session.echo('here');
    server.end({ reconnect: true });
    await session.ended();
    const isStop = carrier.transformer === 'browserchannel';
    assert.deepEqual(session.events, isStop ? ['opened', 'failed', 'ended'] : ['opened', 'ended']);
  });

  test('a server that vanishes ends the session', async (t) => {
    const { server, session } = await connect(t, carrier, { kind });
    await session.opened();
    await session.echo('here');
    server.vanish();
    session.send('into the void');
    await session.ended();
    assert.equal(session.events.at(-1), 'ended');
  });

  test('a server that cannot be reached fails the session', async (t) => {
    const { server, session } = await connect(t, carrier, { kind });
    await session.opened();
    server.vanish();
    await session.ended();
    const other = new Session(t, carrier.transport, server.port, carrier.options);
    await other.ended();
    assert.deepEqual(other.events, ['failed', 'ended']);
    assert.ok(other.error instanceof Error);
  });

  test('close sends what was written, and then nothing is heard', async (t) => {
    const { server, session } = await connect(t, carrier, { kind });
    const seen = [];
    const ends = [];
    server.primus?.on('connection', (spark) => {
      spark.on('data', (data) => seen.push(data));
      spark.on('end', () => ends.push('end'));
    });
    await session.opened();
    for (let index = 0; index < 50; index += 1) session.send(`${index}`);
    session.close();
    session.send('too late');
    session.close();
    if (kind === 'node') {
      await eventually(() => ends.length > 0, 'the end of the spark');
      assert.deepEqual(seen, Array.from({ length: 50 }, (_, index) => `${index}`));
    }
    await sleep(50);
    assert.ok(!session.late.includes('received') && !session.late.includes('failed'));
  });

  test('close while connecting leaves no spark behind', async (t) => {
    for (const wait of [0, 1, 5, 20]) {
      const { server, session } = await connect(t, carrier, { kind });
      if (wait > 0) await sleep(wait);
      session.close();
      await sleep(100);
      assert.ok(!session.late.includes('opened') && !session.late.includes('received'));
      await eventually(() => !server.primus?.connected, 'the end of the spark');
    }
  });
};

// Most of the time is spent waiting.
for (const kind of kinds) {
  for (const carrier of carriers) {
    suite(`${kind}, ${carrier.name}`, { concurrency: 4 }, () => owed(kind, carrier));
  }
}
