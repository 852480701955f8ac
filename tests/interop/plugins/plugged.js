// What the server of Node.js does with its plugins: tests/support/plugged.rs is the same for
// AllSpark.
'use strict';

// The packages of npm by the names that their counterparts have in AllSpark.
const PACKAGES = {
  analytics: 'primus-analytics',
  emit: 'primus-emit',
  emitter: 'primus-emitter',
  'fortress-maximus': 'fortress-maximus',
  mirage: 'mirage',
  responder: 'primus-responder',
  rooms: 'primus-rooms',
  'spark-latency': 'primus-spark-latency',
};

/** The plugins of npm with these names, behind commas, as options of a server or of clients. */
function load(names) {
  const plugins = names.split(',').map((name) => [PACKAGES[name], require(PACKAGES[name])]);
  return { plugin: Object.fromEntries(plugins), use_clock_offset: true };
}

/** Uses the plugins of a server. What is `data` goes back as `["data",value]`. */
function plug(primus, names) {
  const set = new Set(names.split(','));
  if (set.has('fortress-maximus')) fortress(primus);
  if (set.has('mirage')) mirage(primus);
  primus.on('connection', (spark) => {
    if (set.has('emit')) emit(primus, spark);
    if (set.has('emitter')) emitter(spark);
    if (set.has('responder')) responder(spark);
    if (set.has('rooms')) rooms(primus, spark);
    spark.on('data', (data) => spark.write(['data', data]));
  });
}

function emit(primus, spark) {
  const tell = (...args) => spark.emit('told', ...args);
  spark.on('ask', tell);
  spark.on('chat', tell);
  spark.on('everybody', (...args) => primus.forEach((other) => void other.emit('all', ...args)));
}

function emitter(spark) {
  spark.on('ask', (...args) => {
    const done = typeof args.at(-1) === 'function' ? args.pop() : () => {};
    done(`for ${args[0] ?? 'nobody'}`, args.length);
    spark.send('tell', ...args, (...reply) => spark.send('replied', ...reply));
  });
}

function responder(spark) {
  spark.on('request', (data, done) => spark.writeAndWait('who', (reply) => done([data, reply])));
}

/** Rooms as a client asks for them: tests/support/room_calls.rs is the same for AllSpark. */
function rooms(primus, spark) {
  let events = [];
  for (const event of ['joinroom', 'leaveroom', 'leaveallrooms', 'roomserror']) {
    spark.on(event, (what) => events.push([event, what.message ?? what]));
  }
  const answer = (value) => spark.write({ answer: value });
  spark.on('data', ({ call, rooms: named, except, value, args }) => {
    // Nothing is no room.
    const names = named ?? [];
    switch (call) {
      case 'join': return spark.join(names);
      case 'leave': return spark.leave(names);
      case 'leaveAll': return spark.leaveAll();
      case 'rooms': return answer(spark.rooms().sort());
      case 'write': return primus.room(names).except(except).write(value);
      case 'send': return primus.room(names).send(...args);
      case 'clients': return answer(primus.room(names).clients().sort());
      case 'isRoomEmpty': return answer(primus.isRoomEmpty(names));
      case 'empty': return primus.room(names).empty();
      case 'events': answer(events); events = [];
    }
  });
}

function fortress(primus) {
  primus.validate('chat', (text, next) => next(typeof text === 'string'));
  primus.validate('data', (data, next) => next());
  // Who it came from is not said.
  primus.on('invalid', ({ message }) => primus.write({ invalid: message }));
}

function mirage(primus) {
  primus.id.validator(({ mirage: id }, done) => {
    if (id === 'bad') done(new Error('a bad id'));
    else if (id === 'old') done(null, 'new');
    else done();
  });
}

module.exports = { PACKAGES, load, plug };
