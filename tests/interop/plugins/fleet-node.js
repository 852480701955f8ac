// A server of a fleet on Node.js, with the plugins from npm. tests/support/fleet.rs is the same for
// AllSpark, and says what its clients can ask for.
'use strict';

const http = require('node:http');
const { parseArgs } = require('node:util');
const Primus = require('primus');

const { values: flags } = parseArgs({
  options: {
    driver: { type: 'string' },
    fleet: { type: 'string', default: '{}' },
    listen: { type: 'string' },
    parser: { type: 'string' },
    'ping-interval': { type: 'string' },
    shards: { type: 'string' },
    transformer: { type: 'string' },
  },
});

const { omega = {}, metroplex } = JSON.parse(flags.fleet);
const { rooms, ...ofOmega } = omega;
const server = http.createServer();
const primus = new Primus(server, {
  transformer: flags.transformer,
  pingInterval: false,
  iknowhttpsisbetter: true,
  ...(flags.parser && { parser: flags.parser }),
  ...ofOmega,
  ...(metroplex && { ...metroplex, redis: redis(metroplex.redis) }),
});
primus.plugin('rooms', require('primus-rooms'));
if (rooms) primus.options.middleware = require('omega-supreme-rooms-middleware')();
primus.plugin('omega-supreme', require('omega-supreme'));
if (metroplex) primus.plugin('metroplex', require('metroplex'));
for (const event of ['register', 'unregister']) {
  primus.on(event, (address) => console.error(`${event} ${address}`));
}
primus.on('error', (error) => console.error(`error ${error.message}`));
primus.on('connection', (spark) => {
  spark.on('data', (command) => {
    obey(spark, command, (error, done) => {
      spark.write(error ? { failed: failure(error) } : { done });
    });
  });
});
const [, host, port] = /^(.*):(\d+)$/.exec(flags.listen);
server.listen(Number(port), host, () => {
  const { address, port: bound } = server.address();
  console.error(`fleet listens on ${address}:${bound}`);
});
process.on('SIGTERM', () => primus.destroy({}, () => process.exit(0)));

function redis(url) {
  const Redis = require('ioredis');
  const client = new Redis(url.replace(/^redis\+unix:\/\//, ''), { maxRetriesPerRequest: null });
  client.on('error', () => {});
  return client;
}

function obey(spark, command, answer) {
  switch (command.do) {
    case 'id': return answer(null, spark.id);
    case 'join': return spark.join(command.room, (error) => answer(error, true));
    case 'forward': {
      const { servers, msg, sparks } = command;
      return primus.forward(servers, msg, ...(sparks === undefined ? [] : [sparks]), answer);
    }
    case 'broadcast': return primus.forward.broadcast(command.msg, answer);
    case 'sparks': return primus.forward.sparks(command.ids, command.msg, answer);
    case 'spark': return primus.forward.spark(command.id, command.msg, answer);
    case 'servers': return primus.metroplex.servers(answer);
    case 'where': return primus.metroplex.sparks(command.ids, answer);
  }
}

function failure({ message, status = 500, url = '', type = 'broadcast' }) {
  return { url, status, message, type };
}
