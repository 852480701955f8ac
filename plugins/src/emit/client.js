// The client half of primus-emit: `primus.emit(name, ..)` reaches the server, and what the server
// emits is an event here. It works with the npm plugin on a server of Node.js, too.
function client(primus) {
  'use strict';

  var emit = primus.emit;

  function isArray(value) {
    return Object.prototype.toString.call(value) === '[object Array]';
  }

  // Events of Primus, and those that event emitters tell themselves, stay here.
  function isLocal(name) {
    return primus.reserved(name) || name === 'newListener' || name === 'removeListener';
  }

  primus.transform('incoming', function incoming(packet) {
    var data = packet.data;
    if (this !== primus || !data || typeof data !== 'object' || !isArray(data.emit)) return;
    // With the `emit` of before, or what came in would go out again.
    if (data.emit.length && !isLocal(data.emit[0])) emit.apply(primus, data.emit);
    return false;
  });

  primus.emit = function emitter(name) {
    if (isLocal(name)) return emit.apply(this, arguments);
    primus.write({ emit: Array.prototype.slice.call(arguments) });
    return true;
  };

  // For plugins whose events stay here.
  primus.emit.local = emit;
}
