// What is particular to browserchannel.

import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { suite, test } from 'node:test';
import { browserchannel } from '../../src/transports/browserchannel.js';
import { startProxy } from './support/proxy.js';
import { startEcho } from './support/servers.js';
import { Session, eventually, sleep } from './support/session.js';

const start = async (t, { interfere, options, ...server } = {}) => {
  const echo = await startEcho(t, { transformer: 'browserchannel', ...server });
  const sparks = [];
  const heard = [];
  echo.primus.on('connection', (spark) => {
    sparks.push(spark);
    spark.on('data', (data) => heard.push(data));
  });
  const proxy = await startProxy(t, echo.port, interfere);
  const session = new Session(t, browserchannel, proxy.port, options);
  return { echo, proxy, session, sparks, heard };
};

// The second part of an answer to the test comes two seconds after the first.
const STANDSTILL_NS = 1e9;

const isTest = ({ path }) => path.endsWith('/test');
const isBack = ({ query }) => query.TYPE === 'xmlhttp' && query.RID === 'rpc';
const isPost = ({ method }) => method === 'POST';
const isGoodbye = ({ query }) => query.TYPE === 'terminate';

// Interferes with some of the requests of a kind, by their number.
const nth = (isKind, order, ...numbers) => {
  let count = 0;
  return (seen) => {
    if (!isKind(seen)) return undefined;
    count += 1;
    return numbers.includes(count) ? order : undefined;
  };
};

const texts = (count, prefix = '') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

suite('browserchannel', { concurrency: 4 }, () => {
  test('requests say what the protocol asks for', async (t) => {
    const { proxy, session, sparks } = await start(t);
    await session.opened();
    await session.echo('a +&=é');
    const [first, ...others] = proxy.requests;
    assert.deepEqual([first.method, first.path, first.body], ['POST', '/primus/bind', 'count=0']);
    const { zx, RID, ...rest } = first.query;
    assert.deepEqual(rest, { who: 'a b', _primuscb: 'x.1', VER: '8' });
    assert.match(zx, /^\w+$/);
    const [back, post] = [others.find(isBack), others.find(isPost)];
    assert.deepEqual([back.query.CI, back.query.AID], ['0', '0']);
    assert.equal(post.query.RID, String(Number(RID) + 1));
    assert.equal(post.query.SID, sparks[0].id);
    assert.equal(post.headers['content-type'], 'application/x-www-form-urlencoded;charset=UTF-8');
    assert.ok(post.body.startsWith('count=1&ofs=0&req0__S=a+%2B%26%3D%C3%A9'), post.body);
    assert.equal(sparks[0].query.who, 'a b');
  });

  test('a server that stops the session is told goodbye', async (t) => {
    const { echo, proxy, session } = await start(t);
    await session.opened();
    await session.echo('a');
    echo.end({ reconnect: true });
    await session.ended();
    assert.equal(session.error.message, 'Stopped by server');
    await eventually(() => proxy.requests.find(isGoodbye)?.isOver, 'a goodbye');
    assert.equal(echo.primus.connected, 0);
  });

  test('where answers are held back, the back channel is polled', async (t) => {
    const { proxy, session } = await start(t, { interfere: () => 'buffer' });
    await session.opened();
    await session.echo(...texts(5));
    const backs = proxy.requests.filter(isBack).map(({ query }) => query.CI);
    assert.equal(backs[0], '0');
    assert.equal(backs.at(-1), '1');
    const before = Date.now();
    await session.echo('now at once');
    // What is held back comes much later, if at all.
    assert.ok(Date.now() - before < 10_000);
  });

  test('the test of streaming ends with its first answer', async (t) => {
    // Who stands still sees both parts of the answer at once: then it is played again.
    for (let tries = 1; ; tries += 1) {
      const standstills = monitorEventLoopDelay();
      standstills.enable();
      const { proxy, session } = await start(t);
      await session.opened();
      await eventually(() => proxy.requests.some(isTest), 'a test');
      await sleep(2500);
      await session.echo('a');
      standstills.disable();
      if (proxy.requests.filter(isBack).every(({ query }) => query.CI === '0')) return;
      assert.ok(tries < 5 && standstills.max > STANDSTILL_NS, 'the back channel is polled');
    }
  });

  test('a POST whose answer is lost is made again, and its maps count once', async (t) => {
    const { proxy, session, heard } = await start(t, { interfere: nth(isPost, 'lose', 2) });
    await session.opened();
    for (const text of texts(20)) {
      session.send(text);
      await sleep(3);
    }
    assert.deepEqual(await session.take(20), texts(20));
    assert.deepEqual(heard, texts(20));
    const [, lost, again] = proxy.requests.filter(isPost);
    assert.equal(again.query.RID, lost.query.RID);
    assert.ok(again.body.includes('ofs=0'));
  });

  test('arrays of a back channel that breaks come again, and count once', async (t) => {
    const { proxy, session, sparks } = await start(t, { interfere: nth(isBack, 'lose', 1) });
    await session.opened();
    for (const text of texts(400, 'a long text '.repeat(20))) sparks[0].write(text);
    const packets = await session.take(400);
    assert.deepEqual(packets, texts(400, 'a long text '.repeat(20)));
    assert.ok(proxy.requests.filter(isBack).length > 1);
  });

  test('everything keeps its order while connections break', async (t) => {
    const posts = nth(isPost, 'lose', 3, 9);
    const backs = nth(isBack, 'lose', 2, 4);
    const { session, sparks } = await start(t, { interfere: (seen) => posts(seen) ?? backs(seen) });
    await session.opened();
    for (let index = 0; index < 300; index += 1) {
      session.send(`client ${index}`.padEnd(100, '.'));
      sparks[0].write(`server ${index}`.padEnd(100, '.'));
      if (index % 10 === 0) await sleep(5);
    }
    const packets = await session.take(600);
    for (const side of ['client', 'server']) {
      const own = packets.filter((text) => text.startsWith(side));
      const numbers = own.map((text) => parseInt(text.slice(side.length), 10));
      assert.deepEqual(numbers, Array.from({ length: 300 }, (_, index) => index));
    }
  });

  test('a session that the server has forgotten fails', async (t) => {
    const { session, sparks } = await start(t);
    await session.opened();
    sparks[0].socket.close();
    await session.ended();
    assert.deepEqual(session.events, ['opened', 'failed', 'ended']);
    assert.equal(session.error.status, 400);
    assert.match(session.error.answer, /Unknown SID/);
  });

  test('a refusal to open fails at once', async (t) => {
    const { proxy, session } = await start(t, { interfere: () => 'refuse' });
    await session.ended();
    assert.deepEqual(session.events, ['failed', 'ended']);
    assert.equal(session.error.status, 503);
    assert.equal(proxy.requests.length, 1);
  });

  test('keep-alives of the server are no messages', async (t) => {
    const { session } = await start(t, { transport: { keepAliveInterval: 50 } });
    await session.opened();
    await sleep(500);
    assert.deepEqual(session.packets, []);
    await session.echo('a');
  });

  test('close sends what waits before it says goodbye', async (t) => {
    const { proxy, session, sparks, heard } = await start(t, {
      interfere: (seen) => (isPost(seen) ? 30 : undefined),
    });
    await session.opened();
    for (const text of texts(5)) session.send(text);
    session.close();
    await eventually(() => sparks[0].readyState !== 3, 'the end of the spark');
    assert.deepEqual(heard, texts(5));
    const lastPost = proxy.requests.filter(isPost).at(-1);
    assert.equal(proxy.requests.find(isGoodbye).query.RID, String(Number(lastPost.query.RID) + 1));
  });
});
