// What each plugin of npm does between a server of npm primus and a client that has the plugin:
// `serve(server)` makes the server's part, `play(client)` resolves with what is to be compared.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';

import { listen } from '../../../../tests/interop/ports.js';

const require = createRequire(import.meta.url);
const NpmServer = require('primus');

const next = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

const answer = (ask) => new Promise((resolve) => ask(resolve));

// The order matters: some plugins change all servers of a process for good.
export const PLAYS = {
  mirage: {
    plugins: ['mirage', 'primus-emit'],
    serve: (server) => echo(server),
    async play(client) {
      client.write('kept until there is an id');
      return [await next(client, 'data'), client.mirage.length];
    },
    expected: ['kept until there is an id', 16],
  },
  'primus-emit': {
    plugins: ['primus-emit'],
    serve: onConnection((spark) => spark.on('ask', (...args) => spark.emit('told', ...args))),
    play(client) {
      const told = answer((resolve) => client.on('told', (...args) => resolve(args)));
      client.emit('ask', 1, { two: 2 });
      return told;
    },
    expected: [1, { two: 2 }],
  },
  'primus-spark-latency': {
    plugins: ['primus-spark-latency'],
    serve: onConnection((spark) => spark.on('data', (data) => spark.write([data]))),
    play: (client) => next(client, 'data'),
    expected: [{}],
  },
  'primus-emitter': {
    plugins: ['primus-emitter'],
    serve: onConnection((spark) => {
      spark.on('ask', (value, done) => {
        done(`for ${value}`);
        spark.send('tell', value, (reply) => spark.send('replied', reply));
      });
    }),
    async play(client) {
      client.on('tell', (value, done) => done(`heard ${value}`));
      const replied = next(client, 'replied');
      return [await answer((resolve) => client.send('ask', 5, resolve)), await replied];
    },
    expected: ['for 5', 'heard 5'],
  },
  'primus-responder': {
    plugins: ['primus-responder'],
    serve: onConnection((spark) => {
      spark.on('request', (data, done) => {
        spark.writeAndWait('who', (reply) => done([data, reply]));
      });
    }),
    play(client) {
      client.on('request', (data, done) => done(`${data}: me`));
      return answer((resolve) => client.writeAndWait('ask', resolve));
    },
    expected: ['ask', 'who: me'],
  },
  substream: {
    plugins: ['substream'],
    serve: onConnection((spark) => {
      const one = spark.substream('one');
      one.on('data', (data) => one.write([data]));
      one.on('end', () => spark.write('one has ended'));
    }),
    async play(client) {
      const one = client.substream('one');
      one.write('hello');
      const data = await next(one, 'data');
      one.end();
      return [data, await next(client, 'data')];
    },
    expected: [['hello'], 'one has ended'],
  },
  'primus-multiplex': {
    plugins: ['primus-multiplex'],
    serve(server) {
      const news = server.channel('news');
      news.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    },
    async play(client) {
      const news = client.channel('news');
      news.write('hello');
      const data = await next(news, 'data');
      news.end();
      return [data, await next(news, 'end')];
    },
    expected: [['hello'], undefined],
  },
  'primus-resource': {
    plugins: ['primus-multiplex', 'primus-emitter', 'primus-resource'],
    serve: (server) => server.resource('creature', { oncommand: (spark, to, done) => done([to]) }),
    async play(client) {
      const creature = client.resource('creature');
      await next(creature, 'ready');
      return answer((resolve) => creature.command('sleep', resolve));
    },
    expected: ['sleep'],
  },
};

function onConnection(listener) {
  return (server) => void server.on('connection', listener);
}

function echo(server) {
  onConnection((spark) => spark.on('data', (data) => spark.write(data)))(server);
}

// Plays with a client that `makeClass` makes for the names of the plugins. The server is stopped
// with the test.
export const perform = async (t, { plugins, serve, play }, makeClass) => {
  const http = createServer();
  const server = new NpmServer(http, { iknowhttpsisbetter: true });
  t.after(() => server.destroy());
  for (const name of plugins) server.plugin(name, require(name));
  serve(server);
  const port = await listen(http);
  const client = new (await makeClass(plugins, server))(`http://127.0.0.1:${port}`);
  const result = await play(client);
  client.end();
  // npm's client makes its objects in a world of its own.
  return structuredClone(result);
};
