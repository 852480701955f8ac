// The client half of primus-spark-latency. Primus 7 and later ping from the server, which measures
// by itself, so a client that was never told its latency has none to tell; with the option
// `use_clock_offset` it says what its clock shows.
function client(primus, options) {
  'use strict';

  var tellsClock = !!(options && options.use_clock_offset);

  function tell() {
    var message = {};
    if (typeof primus.latency === 'number') message._latency = primus.latency;
    if (tellsClock) message._clock = +new Date();
    if ('_latency' in message || tellsClock) primus.write(message);
  }

  primus.on('incoming::pong', tell);
  primus.on('incoming::open', tell);
}
