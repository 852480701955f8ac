// The client half of primus-responder: `primus.writeAndWait(data, fn)` asks the server, and what
// the server asks is the event `request(data, done)`. It works with the npm plugin on a server of
// Node.js, too.
function client(primus) {
  'use strict';

  var NAME = 'primus-responder';
  var waiting = {};
  var hasOwn = Object.prototype.hasOwnProperty;

  function digits(count) {
    var text = '';
    while (text.length < count) text += Math.floor(Math.random() * 16).toString(16);
    return text;
  }

  // A UUID of version 4. Nobody relies on more than that no two questions of a client share one.
  function uuid() {
    var variant = '89ab'.charAt(Math.floor(Math.random() * 4)) + digits(3);
    return [digits(8), digits(4), '4' + digits(3), variant, digits(12)].join('-');
  }

  function requested(id, data) {
    // Beside primus-emit, `emit` would send it back.
    var emit = primus.emit.local || primus.emit;
    emit.call(primus, 'request', data, function done(answer) {
      primus.write({ plugin: NAME, responseId: id, data: answer });
    });
  }

  function responded(id, data) {
    var callback;
    if (!hasOwn.call(waiting, id)) return;
    callback = waiting[id];
    delete waiting[id];
    if (typeof callback === 'function') callback(data);
  }

  primus.transform('incoming', function incoming(packet) {
    var data = packet.data;
    if (!data || data.plugin !== NAME) return;
    if (data.requestId) requested(data.requestId, data.data);
    else if (data.responseId) responded(data.responseId, data.data);
    return false;
  });

  primus.writeAndWait = function writeAndWait(data, fn) {
    var id = uuid();
    waiting[id] = fn;
    primus.write({ plugin: NAME, requestId: id, data: data });
  };
}
