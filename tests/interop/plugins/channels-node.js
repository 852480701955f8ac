// The oracle: the real Primus with substream, primus-multiplex, primus-emitter and primus-resource
// from npm, behind the options of `allspark serve` that the tests use. tests/support/channels.rs
// is the same for AllSpark.
'use strict';

const http = require('node:http');
const { parseArgs } = require('node:util');
const Primus = require('primus');

const { values: flags } = parseArgs({
  options: {
    compression: { type: 'boolean' },
    driver: { type: 'string' },
    listen: { type: 'string' },
    parser: { type: 'string' },
    'ping-interval': { type: 'string' },
    shards: { type: 'string' },
    transformer: { type: 'string' },
    transport: { type: 'string', multiple: true, default: [] },
  },
});

const server = http.createServer();
const primus = new Primus(server, {
  transformer: flags.transformer,
  pingInterval: false,
  ...(flags.parser && { parser: flags.parser }),
  iknowhttpsisbetter: true,
});
primus.plugin('substream', require('substream'));
primus.plugin('multiplex', require('primus-multiplex'));
primus.plugin('emitter', require('primus-emitter'));
primus.plugin('resource', require('primus-resource'));

primus.on('connection', (spark) => {
  const one = spark.substream('one');
  one.on('data', (data) => {
    if (data === 'end') one.end('bye');
    else if (typeof data === 'string') one.write([data]);
  });
  one.on('end', () => spark.write('one has ended'));
});

const news = primus.channel('news');
news.on('connection', (spark) => {
  spark.on('data', (data) => {
    if (data === 'all') news.write('to all');
    else if (data === 'end') spark.end('bye');
    else if (typeof data === 'string') spark.write([data]);
  });
  spark.on('add', (...args) => {
    const done = args.pop();
    done(args.reduce((sum, each) => sum + each, 0));
  });
  spark.on('greet', () => spark.send('who', 'are', 'you', (name) => spark.send('hello', name)));
});

for (const [name, multiplex] of [['creature', true], ['beast', false]]) {
  const resource = {
    oncommand: (spark, command, done) => done(`${name} got ${command}`),
    onwalk: (spark, done) => done(),
    onshout: (spark, ...args) => resource.broadcast('heard', ...args),
  };
  primus.resource(name, resource, multiplex);
}

process.on('SIGTERM', () => primus.destroy({ reconnect: true }, () => process.exit(0)));
const [host, port] = flags.listen.split(':');
server.listen(Number(port), host, () => {
  console.error(`Primus on Node.js listens on ${host}:${server.address().port}`);
});
