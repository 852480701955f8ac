// The client half of mirage: keeps the id of its session, names it whenever it connects, and writes
// nothing before it has one. It needs primus-emit or primus-emitter, by which the server tells a
// new id, and works with the npm plugin on a server of Node.js, too.
function client(primus, options) {
  'use strict';

  var write = primus._write;

  primus.mirage = primus.mirage || (options && options.mirage) || '';

  primus.on('mirage', function told(id) {
    var waiting = primus.buffer.slice();
    var i;
    primus.mirage = id;
    primus.buffer.length = 0;
    for (i = 0; i < waiting.length; i++) primus._write(waiting[i]);
  });

  primus.on('outgoing::url', function url(request) {
    var query;
    if (!primus.mirage) return;
    query = primus.querystring(request.query || '');
    query._mirage = primus.mirage;
    request.query = primus.querystringify(query);
  });

  // What is written without an id waits where Primus keeps what is written before it is open. Only
  // what Primus says itself, an answer to a ping, does not.
  primus._write = function _write(data) {
    var isOfPrimus = typeof data === 'string' && data.indexOf('primus::') === 0;
    if (primus.mirage || isOfPrimus) return write.call(primus, data);
    if (primus.buffer.length === primus.options.queueSize) primus.buffer.splice(0, 1);
    primus.buffer.push(data);
    return false;
  };
}
